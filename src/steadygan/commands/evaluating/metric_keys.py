"""``metrics=[NAME,...]`` and ``metrics.NAME.KEY=VALUE`` of ``steadygan evaluate``."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from steadygan.common.errors import bad_value
from steadygan.common.paths import conf_dir
from steadygan.config.check import typed_node
from steadygan.config.containers import plain
from steadygan.config.node import Node
from steadygan.config.targets import SHARED

Nodes = dict[str, Node]
"""The settings of metrics, by name."""


class Pair(NamedTuple):
    """One key, word by word, and its value."""

    key: list[str]
    value: object

    @property
    def path(self) -> str:
        """The key as it was written."""
        return ".".join(self.key)


def nodes(defaults: Mapping[str, Node], keys: Sequence[str]) -> Nodes:
    """Return the metrics to be taken, by name, with their settings.

    Args:
        defaults: those there are without ``keys``; their settings are kept where a metric is named again.
        keys: ``metrics=[NAME,...]``, ``metrics.NAME.KEY=VALUE``, and ``metrics.KEY=VALUE`` for the keys ``SHARED``.
    """
    pairs = sorted(map(pair, keys), key=lambda each: min(len(each.key), 3))
    result: dict[str, Node] = {name: dict(node) for name, node in defaults.items()}
    for each in pairs:
        if len(each.key) == 1:
            names = map(str, each.value if isinstance(each.value, list) else [each.value])
            result = {name: result.get(name) or option(name) for name in names}
        elif len(each.key) == 2:
            key = each.key[1]
            result = {name: {**node, key: each.value} if key in node else node for name, node in result.items()}
        else:
            _set(result, each)
    if not result:
        raise bad_value("metrics", "[]", "nothing to be taken", options())
    return {name: typed_node(f"metrics.{name}", node) for name, node in result.items()}


def pair(text: str) -> Pair:
    """Read ``metrics.NAME.KEY=VALUE``."""
    key, equals, value = text.partition("=")
    first, *rest = key.split(".")
    if not equals or first != "metrics" or (len(rest) == 1 and rest[0] not in SHARED):
        problem = f"must be metrics=[NAME,...], metrics.NAME.KEY=VALUE or, of {', '.join(SHARED)}, metrics.KEY=VALUE"
        raise bad_value(key, value, problem)
    try:
        stated = OmegaConf.from_dotlist([f"value={value}"])  # which reads 1e3 as a number
        return Pair(key.split("."), plain(stated)["value"])
    except (yaml.YAMLError, OmegaConfBaseException) as error:
        raise bad_value(key, value, "cannot be read") from error


def options() -> list[str]:
    """Return the metrics that ``conf`` has."""
    return [path.stem for path in (conf_dir() / "metrics").glob("*.yaml")]


def option(name: str) -> Node:
    """Return the settings of a metric of ``conf``."""
    if name not in options():
        raise bad_value("metrics", name, "no such metric", options())
    shared, chosen = (OmegaConf.load(conf_dir() / path) for path in ("config.yaml", f"metrics/{name}.yaml"))
    root = OmegaConf.create({"metrics": OmegaConf.merge(shared.metrics, chosen)})
    return plain(root.metrics[name], resolve=True)


def _set(nodes: dict[str, Node], asked: Pair) -> None:
    name, *path = asked.key[1:]
    if name not in nodes:
        raise bad_value(asked.path, asked.value, f"{name} is not among the metrics", nodes)
    node = nodes[name]
    if path[0] not in node or path[0].startswith("_"):
        known = [each for each in node if not each.startswith("_")]
        raise bad_value(asked.path, asked.value, "no such key", known)
    for step in path[:-1]:
        node = node[step] if isinstance(node.get(step), dict) else node.setdefault(step, {})
    node[path[-1]] = asked.value
