"""Declarations of a method: the ranges of its hyperparameters, the noise it draws, its kind.

Everything has a default, so a user's own plain function needs no decorator: its hyperparameters only have to be
finite, a penalty gets ``eps ~ U(0, 1)`` of shape ``[B]``, a noise gets ``eps ~ N(0, 1)`` like its input.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from steadygan.core.draws import Draw

T = TypeVar("T")


@dataclass(frozen=True)
class Range:
    """An interval of finite numbers and the words that describe it.

    ``structure``: the number says how a program is built, such as a count of updates; it is never a tensor.
    """

    words: str
    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False
    whole: bool = False
    structure: bool = False

    def __contains__(self, value: float) -> bool:
        if self.whole and value != int(value if math.isfinite(value) else 0):
            return False
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return math.isfinite(value) and above and below


finite = Range("must be finite")
nonnegative = Range("must be finite and not negative", low=0.0)
positive = Range("must be finite and greater than 0", low=0.0, open_low=True)
fraction = Range("must be between 0 and 1", low=0.0, high=1.0)
count = Range("must be a whole number of at least 1", low=1.0, whole=True)
updates = Range("must be a whole number of at least 1", low=1.0, whole=True, structure=True)
looks = Range("must be a whole number of at least 0", low=0.0, whole=True, structure=True)
decay = Range("must be at least 0 and less than 1", low=0.0, high=1.0, open_high=True)


def declare(
    *, draw: Draw | None = None, projection: bool = False, step: bool = False, images: bool = False, **ranges: Range
) -> Callable[[T], T]:
    """Decorate a method's function or class.

    Args:
        draw: the noise it wants, one of ``steadygan.core.draws``.
        projection: a regularizer of the form ``project(params) -> params``, in place of a penalty.
        step: a projection that goes some way, and may go k times as far in one of k iterations.
        images: it makes sense of examples ``[C, H, W]`` only.
        **ranges: the range of each number, by its keyword.
    """

    def mark(method: T) -> T:
        method.ranges = {**getattr(method, "ranges", {}), **ranges}
        method.projection, method.step, method.images = projection, step, images
        if draw is not None:
            method.draw = staticmethod(draw) if isinstance(method, type) else draw
        return method

    return mark


def declared(method: Any, name: str, default: Any = None) -> Any:
    """Return what ``method`` (a function, partial, class, classmethod or object) declares under ``name``."""
    while isinstance(method, partial):
        method = method.func
    owner = getattr(method, "__self__", None)
    return getattr(owner if isinstance(owner, type) else method, name, default)


def signed_as(name: str) -> Callable[[T], T]:
    """Decorate a function or class that has moved: runs are signed with the dotted name that it had at first.

    So a run of an earlier version is found again under its old signature.
    """

    def mark(method: T) -> T:
        method.signed_as = method, name
        return method

    return mark


def stable_name(method: object, target: str) -> str:
    """Return the dotted name that a signature holds for ``method``, which a config names as ``target``.

    It is ``target`` unless ``signed_as`` says another for this very object: what inherits from it, or wraps it, is
    something else.
    """
    owner = getattr(method, "__self__", None)
    known = getattr(owner if isinstance(owner, type) else method, "signed_as", None)
    if known is None or known[0] not in (method, owner):
        return target
    return known[1] if known[0] is method else f"{known[1]}.{target.rpartition('.')[2]}"
