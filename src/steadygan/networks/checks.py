"""Checks of network settings, made in the constructors: before anything is computed."""

from collections.abc import Mapping
from typing import TypeVar

from torch import Tensor

from steadygan.common.errors import bad_value

T = TypeVar("T")

SIZES = (8, 16, 32, 64, 128, 256)
"""Pixels a side of the images that convolutions make and see."""


def logits(outputs: Tensor) -> Tensor:
    """Return ``[B]`` of a discriminator's outputs ``[B, 1]``; of more than one they are left as they are."""
    return outputs.squeeze(1) if outputs.shape[1] == 1 else outputs


def whole_number(key: str, value: object) -> int:
    """Return ``value`` if it is a whole number of at least 1.

    Raises:
        UserError: it is not; names ``key``.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise bad_value(key, value, "must be a whole number of at least 1")
    return value


def choice(key: str, name: str, table: Mapping[str, T]) -> T:
    """Return the entry of ``table`` with this ``name``.

    Raises:
        UserError: nothing; names ``key`` and the names there are.
    """
    if not isinstance(name, str) or name not in table:
        raise bad_value(key, name, "there is no such option", table)
    return table[name]


def side(shape: tuple[int, ...], network: str) -> int:
    """Pixels a side of images ``(C, S, S)`` with S one of ``SIZES``.

    Raises:
        UserError: ``shape`` is another; names the ``network`` that cannot make it.
    """
    if len(shape) != 3 or shape[1] != shape[2] or shape[2] not in SIZES:
        sizes = ", ".join(f"{size}x{size}" for size in SIZES)
        raise bad_value(
            "network",
            network,
            f"makes square images of {sizes}; this dataset's examples have the shape {'x'.join(map(str, shape))}.\n"
            "Choose network=mlp, or a dataset of such images",
        )
    return shape[2]
