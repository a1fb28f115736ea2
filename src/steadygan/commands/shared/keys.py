"""KEY=VALUE on the command line, for the settings of a study: a dataclass whose docstring tells about each key."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import get_type_hints

from steadygan.common.errors import UserError, bad_value, did_you_mean
from steadygan.common.typed import check_all
from steadygan.config.node import Config


def pairs(texts: Sequence[str]) -> dict[str, str]:
    """Return ``KEY=VALUE`` as key and value."""
    for text in texts:
        if "=" not in text:
            raise bad_value(text, "", "cannot be read: keys are written KEY=VALUE")
    return dict(text.split("=", 1) for text in texts)


def values(settings: type, texts: Mapping[str, str], name: str, more: Sequence[str] = ()) -> Config:
    """Return texts as what the fields of a dataclass are annotated with; their ranges are checked where it is made.

    Args:
        settings: the dataclass.
        texts: key and text.
        name: of what has these keys.
        more: its other keys.
    """
    known = [*more, *(field.name for field in fields(settings))]
    for key, text in texts.items():
        if key not in known:
            raise UserError(f"{key}={text}: {name} has no such key\nKeys: {', '.join(known)}{did_you_mean(key, known)}")
    return check_all(texts, get_type_hints(settings))


def rows(settings: type) -> list[tuple[str, str]]:
    """Return the rows of the help: each key with its default, and its description."""
    lines = (settings.__doc__ or "").partition("Attributes:")[2].splitlines()
    about = dict(line.strip().split(": ", 1) for line in lines if ": " in line)
    return [(f"{f.name}={f.default}", about.get(f.name, "")) for f in fields(settings) if f.default is not MISSING]
