"""Checks of the numbers and words that a data set is built from; each raises a ``UserError`` that names the key."""

from collections.abc import Iterable
from typing import TypeVar

from steadygan.common import typed
from steadygan.common.errors import UserError, bad_value
from steadygan.core.declare import Range, count, finite, fraction

T = TypeVar("T")


def number(key: str, value: object, allowed: Range = finite) -> float:
    """Return ``value`` as a float within ``allowed``; a data set cannot follow a schedule."""
    return float(typed.number(f"dataset.{key}", value, allowed))


def whole_number(key: str, value: object, allowed: Range = count) -> int:
    """Return ``value`` as an int within ``allowed``; 8.0 is welcome."""
    return typed.whole_number(f"dataset.{key}", value, allowed)


def one_of(key: str, value: object, choices: Iterable[T]) -> T:
    """Return the one of ``choices`` that equals ``value``."""
    choices = tuple(choices)
    for choice in choices if not isinstance(value, bool) else ():
        if choice == value:
            return choice
    raise bad_value(f"dataset.{key}", value, "is not offered", map(str, choices))


def truth(key: str, value: object) -> bool:
    """Return ``value``, which is true or false."""
    if not isinstance(value, bool):
        raise bad_value(f"dataset.{key}", value, "must be true or false")
    return value


def agreed(stated: int | None, actual: int, split: str) -> int:
    """Return how many examples a split has, which must be what ``num_data`` states."""
    if stated is not None and whole_number("num_data", stated) != actual:
        problem = f"the {split} split has {actual} examples; set dataset.num_data={actual}"
        raise bad_value("dataset.num_data", stated, problem)
    return actual


def share(value: object) -> float | None:
    """Return ``test_share``: a part of the images set apart as the test split, where the files have none."""
    return None if value is None else number("test_share", value, fraction)


def named(key: str, value: object, example: str) -> str:
    """Return a key that has to be given."""
    if not value:
        raise UserError(f"dataset.{key}: has to be given, such as dataset.{key}={example}")
    return str(value)
