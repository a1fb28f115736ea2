"""The published setting of a method: what a paper's preset sets of it, or what the method's own file has."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import yaml

from steadygan.config.node import Config, leaves
from steadygan.sweeps.overrides import literal

FOLDER = "experiment"
"""Of the presets, below the config folders."""

PARTS = ("loss", "regularizer", "noise", "game", "optimizer")
"""Keys of a preset that belong to the method, and not to the data or the networks of its paper."""


class Published(NamedTuple):
    """Overrides of ``method=METHOD``, and the file that they come from, as on the command line."""

    overrides: tuple[str, ...]
    source: str


def published(method: str, folders: Iterable[Path]) -> Published:
    """Return the setting of the preset that is about the method alone, on any data and networks; else none.

    Args:
        method: its name.
        folders: of configs; a preset called like the method goes before others.
    """
    paths = [path for folder in folders for path in sorted((folder / FOLDER).glob("*.yaml"))]
    for path in sorted(paths, key=lambda path: path.stem != method):
        node = yaml.safe_load(path.read_text(encoding="utf-8"))
        if isinstance(node, Mapping) and node.get("defaults") == [{"override /method": method}]:
            return Published(tuple(_overrides(node)), f"{FOLDER}={path.stem}")
    return Published((), f"method={method}")


def _overrides(node: Config) -> Iterator[str]:
    for part in PARTS:
        for key, value in leaves({part: node[part]}) if part in node else ():
            yield f"{key}={literal(value)}"
