"""Checks of network settings, made in the constructors: before anything is computed."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from steadygan.common.errors import bad_value

T = TypeVar("T")

Shape = tuple[int, ...]
"""Of one example: ``(d,)`` or ``(C, H, W)``."""

SIZES = (8, 16, 32, 64, 128, 256)
"""Pixels a side of the images that convolutions make and see."""


def whole_number(key: str, value: object) -> int:
    """Return ``value`` if it is a whole number of at least 1, else raise a ``UserError`` that names ``key``."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise bad_value(key, value, "must be a whole number of at least 1")
    return value


def choice(key: str, name: str, table: Mapping[str, T]) -> T:
    """Return the entry of ``table`` with this ``name``, or raise a ``UserError`` that names ``key`` and all names."""
    if not isinstance(name, str) or name not in table:
        raise bad_value(key, name, "there is no such option", table)
    return table[name]


def side(shape: Shape, network: str, sizes: Sequence[int] = SIZES) -> int:
    """Return the pixels a side of images ``(C, S, S)``; a ``UserError`` where S is none of the network's ``sizes``."""
    if len(shape) != 3 or shape[1] != shape[2] or shape[2] not in sizes:
        known = ", ".join(f"{size}x{size}" for size in sizes)
        raise bad_value(
            "network",
            network,
            f"makes square images of {known}; this dataset's examples have the shape {'x'.join(map(str, shape))}.\n"
            "Choose network=mlp, or a dataset of such images",
        )
    return shape[2]
