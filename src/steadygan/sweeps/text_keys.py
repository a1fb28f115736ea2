"""Keys whose value is text, whatever it looks like: ``name=1e3`` is a folder ``1e3``, not ``1000.0``."""

import re

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

TEXT = ("name", "outputs", "dataset.root", "logger.project", "logger.entity")

NULL = ("name",)
"""Those of which ``null`` is a text as well: there is no run without."""

WORD = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|(?:\\.|[^,()'"\\])+""", flags=re.DOTALL)


def as_typed(override: str) -> str:
    """Return ``name='1e3','true'`` of ``name=1e3,true``; any other override is as it was."""
    key, _, value = override.partition("=")
    bare = key.lstrip("+")
    if bare not in TEXT or "${" in value or ("(" in value and not value.startswith("choice(")):
        return override
    return f"{key}={WORD.sub(lambda word: _quoted(word[0], bare in NULL), value)}"


def _quoted(word: str, null: bool) -> str:
    try:
        value = OverridesParser.create().parse_override(f"key={word}").value()
    except HydraException:  # it has no word for a home folder without quotes
        return f"'{word}'" if word.startswith("~") else word
    number = isinstance(value, bool | int | float) or (value is None and null and word.strip() != "")
    return f"'{word.strip()}'" if number else word
