"""KEY=VALUE on the command line, for the settings of a study: a dataclass whose docstring tells about each key."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

from steadygan.common.errors import UserError, bad_value, did_you_mean
from steadygan.common.typed import Misfit, read


def pairs(texts: Sequence[str]) -> dict[str, str]:
    """Return ``KEY=VALUE`` as key and value.

    Raises:
        UserError: something else.
    """
    return dict(_split(text) for text in texts)


def _split(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise bad_value(key, "", "cannot be read: keys are written KEY=VALUE")
    return key, value


def values(settings: type, texts: Mapping[str, str], name: str, more: Sequence[str] = ()) -> dict[str, Any]:
    """Texts as the types that the defaults have.

    Args:
        settings: the dataclass.
        texts: key and text.
        name: of what has these keys.
        more: its other keys.

    Raises:
        UserError: an unknown key, or a text that is no such number.
    """
    known = {field.name: field for field in fields(settings)}
    typed = {}
    for key, text in texts.items():
        if key not in known:
            keys = [*more, *known]
            raise UserError(f"{key}={text}: {name} has no such key\nKeys: {', '.join(keys)}{did_you_mean(key, keys)}")
        kind = type(known[key].default)
        try:
            typed[key] = read(text, kind)
        except Misfit as misfit:
            raise bad_value(key, text, str(misfit)) from None
    return typed


def rows(settings: type) -> list[tuple[str, str]]:
    """Return the rows of the help: each key with its default, and its description."""
    lines = (settings.__doc__ or "").partition("Attributes:")[2].splitlines()
    about = dict(line.strip().split(": ", 1) for line in lines if ": " in line)
    return [(f"{f.name}={f.default}", about.get(f.name, "")) for f in fields(settings) if f.default is not MISSING]
