"""The hyperparameters of a method: taking them out, putting tensors in their place, evaluating schedules.

A method is a frozen dataclass (losses, rules, schedules) or a ``functools.partial`` of a function (penalties, noise).
They are the keys whose ranges it declares; where it declares none, all its keys that hold a number. All else
(switches, radii, counts) is structure.
"""

import dataclasses
from collections.abc import Mapping
from functools import partial
from typing import TypeGuard, TypeVar

from torch import Tensor

from steadygan.common import typed
from steadygan.core.declare import Range, ranges_of
from steadygan.core.types import Number, Schedule, Tree

T = TypeVar("T")


def is_number(value: object) -> TypeGuard[Number]:
    """Return whether a value is a plain number or a tensor, and no truth value."""
    return isinstance(value, Tensor) or typed.is_number(value)


def is_schedule(value: object) -> TypeGuard[Schedule]:
    """Return whether a value is a function of the iteration that knows its extremes."""
    return callable(value) and hasattr(value, "extremes")


def fields(method: object) -> Tree:
    """Return all settings of a method, by key."""
    if isinstance(method, partial):
        return dict(method.keywords)
    if dataclasses.is_dataclass(method):
        return {field.name: getattr(method, field.name) for field in dataclasses.fields(method)}
    return {}


def hyperparameters(method: object) -> Tree:
    """Return the tree of a method's hyperparameters: a schedule's are a level of their own."""
    ranges = ranges_of(method)
    tree = {}
    for key, value in fields(method).items():
        if is_schedule(value):
            tree[key] = hyperparameters(value)
        elif is_number(value) and enters(key, ranges):
            tree[key] = value
    return tree


def enters(key: str, ranges: Mapping[str, Range]) -> bool:
    """Return whether a number is a hyperparameter, where its method declares ``ranges``."""
    return not ranges[key].structure if key in ranges else not ranges


def replace(method: T, values: Mapping[str, object]) -> T:
    """Return the method with other values at some keys."""
    if not values:
        return method
    if isinstance(method, partial):
        return partial(method.func, *method.args, **{**method.keywords, **values})
    assert dataclasses.is_dataclass(method)
    assert not isinstance(method, type)
    return dataclasses.replace(method, **values)


def with_hyperparameters(method: T, tree: Mapping[str, object]) -> T:
    """Return the method with the hyperparameters of a tree as ``hyperparameters`` returns it."""
    current = fields(method)
    return replace(
        method,
        {
            key: with_hyperparameters(current[key], value) if isinstance(value, Mapping) else value
            for key, value in tree.items()
        },
    )


def at(method: T, t: Number) -> T:
    """Return the method with its schedules evaluated at iteration ``t``."""
    return replace(method, {key: value(t) for key, value in fields(method).items() if is_schedule(value)})
