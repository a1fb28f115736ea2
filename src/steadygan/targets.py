"""Dotted names of a config's ``_target_`` keys."""

import importlib
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
