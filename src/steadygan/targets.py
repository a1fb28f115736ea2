"""Dotted names of a config's ``_target_`` keys."""

import pkgutil
from typing import Any

from steadygan.errors import UserError


def resolve(target: str) -> Any:
    """The object that a dotted name means.

    Raises:
        UserError: there is no such module or attribute.
    """
    try:
        return pkgutil.resolve_name(target)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"_target_={target}: not found ({error})") from error
