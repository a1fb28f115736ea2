"""The type of configs."""

from collections.abc import Mapping
from typing import Any, TypeAlias

Config: TypeAlias = Mapping[str, Any]
"""A resolved config, or a node of it: plain containers, numbers and texts."""
