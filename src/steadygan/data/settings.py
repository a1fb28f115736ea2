"""Checks of the numbers and words that a data set is built from."""

import math
from collections.abc import Iterable
from typing import Any

from steadygan.common.errors import bad_value
from steadygan.core.declare import Range, finite

count = Range("must be a whole number of at least 1", low=1.0)


def number(key: str, value: Any, allowed: Range = finite) -> float:
    """Return ``value`` as a float within ``allowed``.

    Raises:
        UserError: it is no number (a data set cannot follow a schedule), or out of range.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise bad_value(f"dataset.{key}", value, "must be a number")
    if value not in allowed:
        raise bad_value(f"dataset.{key}", value, allowed.words)
    return float(value)


def whole_number(key: str, value: Any, allowed: Range = count) -> int:
    """Return ``value`` as an int within ``allowed``; 8.0 is welcome.

    Raises:
        UserError: it is no whole number, or out of range.
    """
    exact = number(key, value, allowed)
    if not math.isfinite(exact) or exact != int(exact):
        raise bad_value(f"dataset.{key}", value, allowed.words)
    return int(exact)


def one_of(key: str, value: Any, choices: Iterable[Any]) -> Any:
    """Return the one of ``choices`` that equals ``value``.

    Raises:
        UserError: there is none.
    """
    choices = tuple(choices)
    if isinstance(value, bool) or value not in choices:
        raise bad_value(f"dataset.{key}", value, "is not offered", map(str, choices))
    return choices[choices.index(value)]


def truth(key: str, value: Any) -> bool:
    """Return ``value``, which is true or false.

    Raises:
        UserError: it is anything else.
    """
    if not isinstance(value, bool):
        raise bad_value(f"dataset.{key}", value, "must be true or false")
    return value


def agreed(stated: int | None, actual: int, split: str) -> int:
    """Return how many examples a split has.

    Raises:
        UserError: it is not what ``num_data`` states.
    """
    if stated is not None and whole_number("num_data", stated) != actual:
        problem = f"the {split} split has {actual} examples; set dataset.num_data={actual}"
        raise bad_value("dataset.num_data", stated, problem)
    return actual
