"""The small version that a sweep file states of itself: ``hydra.sweeper.quick``, read without Hydra."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from steadygan.common.errors import UserError, bad_value
from steadygan.config.node import Node, value_at

FLAG = "--quick"


def overrides(name: str, known: Mapping[str, Sequence[Path]], user_overrides: Sequence[str]) -> list[str]:
    """Return ``KEY=VALUE`` of the quick version, without the keys that the user sets."""
    stated = settings(name, known)
    if not stated:
        having = [other for other in known if settings(other, known)]
        raise bad_value("sweep", f"{name} {FLAG}", "this sweep states no quick version (hydra.sweeper.quick)", having)
    theirs = {text.lstrip("+~").partition("=")[0] for text in user_overrides}
    return [f"{key}={_text(value)}" for key, value in stated.items() if key not in theirs]


def single(texts: Sequence[str]) -> list[str]:
    """Return the overrides with a single value: a config that is printed can take no others."""
    return [text for text in texts if not re.search(r"^[^=]*=(?!\[)[^'\"]*[,(]", text)]


def settings(name: str, known: Mapping[str, Sequence[Path]]) -> Node:
    """Return the quick version by key, over that of the sweeps on which this one builds; empty if there is none."""
    import yaml

    path = known[name][0]
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from error
    content = content if isinstance(content, Mapping) else {}
    quick: Node = {}
    for entry in content.get("defaults") or []:
        if isinstance(entry, str) and entry in known and entry != name:
            quick |= settings(entry, known)
    stated = value_at(content, "hydra.sweeper.quick")
    return quick | (dict(stated) if isinstance(stated, Mapping) else {})


def _text(value: object) -> str:
    """As Hydra's command line reads it."""
    return value if isinstance(value, str) else json.dumps(value)
