"""Declarations of a method: the ranges of its hyperparameters, the noise it draws, its kind.

Everything has a default, so a user's own plain function needs no decorator: its hyperparameters only have to be
finite, a penalty gets ``eps ~ U(0, 1)`` of shape ``[B]``, a noise gets ``eps ~ N(0, 1)`` like its input.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, TypeVar

from steadygan.common.ranges import Range, count, decay, finite, fraction, looks, nonnegative, positive, updates
from steadygan.common.typed import hints, range_of
from steadygan.core.draws import Draw

__all__ = [
    "Range",
    "count",
    "decay",
    "declare",
    "declared",
    "finite",
    "fraction",
    "looks",
    "nonnegative",
    "positive",
    "ranges_of",
    "updates",
]

T = TypeVar("T")


def declare(
    *,
    draw: Draw | None = None,
    projection: bool = False,
    step: bool = False,
    images: bool = False,
    evaluated: bool = False,
    **ranges: Range,
) -> Callable[[T], T]:
    """Decorate a method's function or class.

    Args:
        draw: the noise it wants, one of ``steadygan.core.draws``.
        projection: a regularizer of the form ``project(params) -> params``, in place of a penalty.
        step: a projection that goes some way, and may go k times as far in one of k iterations.
        images: it makes sense of examples ``[C, H, W]`` only.
        evaluated: a penalty that takes ``real`` and ``fake`` as a ``steadygan.core.autodiff.Evaluation`` each.
        **ranges: the range of each number, by its keyword.
    """

    def mark(method: T) -> T:
        marks: dict[str, object] = {"projection": projection, "step": step, "images": images, "evaluated": evaluated}
        marks["ranges"] = {**getattr(method, "ranges", {}), **ranges}
        if draw is not None:
            marks["draw"] = staticmethod(draw) if isinstance(method, type) else draw
        return _marked(method, marks)

    return mark


def _marked(method: T, marks: Mapping[str, object]) -> T:
    for key, value in marks.items():
        setattr(method, key, value)
    return method


def declared(method: object, name: str, default: Any = None) -> Any:  # noqa: ANN401 whatever was declared
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
        return _marked(method, {"signed_as": (method, name)})

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


def ranges_of(method: object) -> dict[str, Range]:
    """Return the ranges of a method's numbers: those of its annotations, and those that it declares."""
    while isinstance(method, partial):
        method = method.func
    target = method if isinstance(method, type) or callable(getattr(method, "__get__", None)) else type(method)
    return _annotated(target) | declared(method, "ranges", {})


@lru_cache(maxsize=1024)
def _annotated(target: object) -> dict[str, Range]:
    return {key: allowed for key, each in hints(target).items() if (allowed := range_of(each))}
