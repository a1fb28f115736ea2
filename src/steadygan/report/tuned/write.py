"""Tuned settings as config files: ``tuned/DATASET/METHOD.yaml``."""

from collections.abc import Iterator
from pathlib import Path

import yaml

from steadygan.common.errors import UserError
from steadygan.config.node import Node
from steadygan.report.tuned.records import Tuned
from steadygan.runs import files

GROUP = "tuned"


def write_tuned(tuned: Tuned, folder: Path) -> list[Path]:
    """Write a file for each method that has a tuned setting, into a config folder; return the files.

    Raises:
        UserError: no method has one yet.
    """
    written = []
    for dataset in tuned.datasets:
        for method, node in tuned.methods(dataset).items():
            if node.get("tuned"):
                path = folder / GROUP / dataset / f"{method}.yaml"
                files.write_text(path, _text(tuned, dataset, method, node["tuned"]))
                written.append(path)
    if not written:
        raise UserError(f"{tuned.root}: no method has a tuned setting yet; the same sweep goes on with it")
    return written


def _text(tuned: Tuned, dataset: str, method: str, setting: list[str]) -> str:
    stages = tuned.about["stages"]
    tried = f"{stages['search'].get('trials')} settings tried on {len(stages['search']['seeds'])} seeds"
    selected = f"the best {stages['selection'].get('best')} on {len(stages['selection']['seeds'])} more"
    lines = [
        "# @package _global_",
        f"# {method} as tuned on {dataset} for {tuned.metric}: {tried}, {selected},",
        f"# {tuned.about['iterations']:,} iterations each. Written by `steadygan report DIR --write-tuned`.",
    ]
    content = {"defaults": [{"override /method": method}, "_self_"], **_nested(setting)}
    return "\n".join([*lines, yaml.safe_dump(content, sort_keys=False)])


def _nested(setting: list[str]) -> Node:
    nested: Node = {}
    for key, value in _pairs(setting):
        node = nested
        *above, last = key.split(".")
        for name in above:
            node = node.setdefault(name, {})
        node[last] = value
    return nested


def _pairs(setting: list[str]) -> Iterator[tuple[str, object]]:
    """Yield keys and values; a number as what it is, whatever YAML reads in ``1e-05``."""
    for text in setting:
        key, _, value = text.partition("=")
        try:
            yield key, int(value)
        except ValueError:
            try:
                yield key, float(value)
            except ValueError:
                yield key, value
