"""A config's nodes: dotted names of their ``_target_`` keys, and which of them are metrics."""

import importlib
from collections.abc import Mapping
from typing import Any

from steadygan.errors import UserError


def resolve(target: str) -> Any:
    """The object that a dotted name means: an attribute before a submodule of the same name, as Hydra reads it.

    Raises:
        UserError: there is no such module or attribute.
    """
    first, *rest = str(target).split(".")
    path = first
    try:
        found = importlib.import_module(first)
        for name in rest:
            path = f"{path}.{name}"
            found = getattr(found, name) if hasattr(found, name) else importlib.import_module(path)
    except (ImportError, ValueError) as error:
        raise UserError(f"_target_={target}: not found ({error})") from error
    return found


SHARED = ("features", "weights", "resize", "dtype")
"""Keys of ``metrics`` that every metric of features takes over, unless it has its own."""


def metric_nodes(metrics: Mapping[str, Any] | None) -> dict[str, Any]:
    """The metrics of a config's node ``metrics``, by name, without the settings that they share."""
    nodes = {name: node for name, node in (metrics or {}).items() if name not in SHARED}
    return {name: node for name, node in nodes.items() if isinstance(node, Mapping)}
