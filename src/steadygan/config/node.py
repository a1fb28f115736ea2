"""The types of configs, and what stands in them under dotted keys."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

Config: TypeAlias = Mapping[str, Any]
"""A resolved config, or a node of it: plain containers, numbers and texts."""

Node: TypeAlias = dict[str, Any]
"""One that is made anew, and may be changed."""

Built: TypeAlias = Any
"""What a node names: an object of any class, the user's own included, checked for the members of its kind."""

PLAYERS = ("generator", "discriminator")


def value_at(node: object, path: str, absent: object = None) -> Built:
    """Return what stands under a dotted key, or the interpolation that stands on the way; else ``absent``."""
    for key in path.split("."):
        if isinstance(node, str) and "${" in node:
            return node
        if not isinstance(node, Mapping) or key not in node:
            return absent
        node = node[key]
    return node


def leaves(node: Config, prefix: str = "") -> Iterator[tuple[str, Built]]:
    """Yield dotted keys with their values; lists and empty mappings are values."""
    for key, value in node.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
