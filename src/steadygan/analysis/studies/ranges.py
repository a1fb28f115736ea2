"""Allowed values of the settings of a study."""

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from steadygan.common.errors import UserError
from steadygan.common.typed import Misfit, read


def check(settings: Any, *, above: Mapping[str, float] = {}, least: Mapping[str, float] = {}) -> None:
    """Numbers have to be finite, those in ``above`` greater than their bound, those in ``least`` at least theirs.

    Raises:
        UserError: naming each key that is not, and its value.
    """
    problems = []
    for field in fields(settings):
        value = getattr(settings, field.name)
        if not isinstance(value, int | float):
            continue
        if not math.isfinite(value):
            problems.append(f"{field.name}={value}: must be finite")
        elif value <= above.get(field.name, -math.inf):
            problems.append(f"{field.name}={value}: must be greater than {above[field.name]:g}")
        elif value < least.get(field.name, -math.inf):
            problems.append(f"{field.name}={value}: must be at least {least[field.name]:g}")
    if problems:
        raise UserError("\n".join(problems))


def whole_numbers(key: str, text: str) -> tuple[int, ...]:
    """Return ``"1,10,25"`` as numbers of at least 0, in rising order.

    Raises:
        UserError: it cannot be read so.
    """
    try:
        numbers = tuple(sorted({read(word, int) for word in text.split(",")}))
    except Misfit:
        numbers = ()
    if not numbers or numbers[0] < 0:
        raise UserError(f"{key}={text}: must be whole numbers of at least 0, such as 1,10,25")
    return numbers
