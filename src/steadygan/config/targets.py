"""A config's nodes: dotted names of their ``_target_`` keys, and which of them are metrics."""

import importlib
import os
from collections.abc import Iterator, Mapping

from steadygan.common.errors import UserError, bad_value
from steadygan.config.node import Built, Config, Node


def resolve(target: str) -> Built:
    """Return what a dotted name means: an attribute before a submodule of the same name, as Hydra reads it."""
    first, *rest = str(target).split(".")
    path = first
    try:
        resolved = importlib.import_module(first)
        for name in rest:
            path = f"{path}.{name}"
            resolved = getattr(resolved, name) if hasattr(resolved, name) else importlib.import_module(path)
    except (ImportError, ValueError) as error:
        raise UserError(f"_target_={target}: not found ({error})") from error
    except Exception as error:  # whatever a module of the user's own does when it is imported
        raise UserError(f"_target_={target}: cannot be imported ({type(error).__name__}: {error})") from error
    return resolved


def check_targets(config: Config) -> None:
    """Look up every ``_target_`` of a config."""
    for key, target in _targets(config):
        if not isinstance(target, str):
            raise bad_value(key, target, "must name a function or class, such as my_gan.thing")
        try:
            resolve(target)
        except UserError as error:
            raise UserError(f"{key.removesuffix('_target_')}{error}") from error


def _targets(node: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(node, list | tuple):
        node = dict(enumerate(node))
    if not isinstance(node, Mapping):
        return
    for key, value in node.items():
        where = f"{path}.{key}" if path else str(key)
        if key == "_target_":
            yield where, value
        else:
            yield from _targets(value, where)


PLACES = ("root", "weights", "statistics")
"""Keys that say where files lie, of nodes whose files count by their content."""


def placed(node: Built) -> Built:
    """Return a config whose relative ``PLACES`` begin at the working directory, so that it can be read from any other.

    A place that begins with ``~`` stays as it is, and so does every place of an object that does not declare a
    ``fingerprint``: there the text itself is part of the run's signature.
    """
    if isinstance(node, list):
        return [placed(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    by_content = counts_by_content(node)
    return {key: _absolute(value) if by_content and key in PLACES else placed(value) for key, value in node.items()}


def counts_by_content(node: Config) -> bool:
    """Return whether a node's object declares a ``fingerprint``, so that it does not matter where its files lie."""
    return "_target_" in node and hasattr(resolve(node["_target_"]), "fingerprint")


def _absolute(path: object) -> object:
    return os.path.abspath(path) if isinstance(path, str) and path and not path.startswith("~") else path


SHARED = ("features", "weights", "resize", "dtype")
"""Keys of ``metrics`` that every metric of features takes over, unless it has its own."""


def metric_nodes(metrics: Config | None) -> Node:
    """Return the metrics of a config's node ``metrics``, by name, without the settings that they share."""
    nodes = {name: node for name, node in (metrics or {}).items() if name not in SHARED}
    return {name: node for name, node in nodes.items() if isinstance(node, Mapping)}
