"""The allowed values of numbers, and the words that describe them: ``lr: Annotated[float, positive]``.

No torch, so that help is there at once.
"""

import math
from dataclasses import dataclass
from typing import Annotated


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
        if not math.isfinite(value) or (self.whole and value != int(value)):
            return False
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return above and below


def at_least(low: int) -> Range:
    """Return the range of the whole numbers from ``low`` on."""
    return Range(f"must be a whole number of at least {low}", low=low, whole=True)


finite = Range("must be finite")
nonnegative = Range("must be finite and not negative", low=0.0)
positive = Range("must be finite and greater than 0", low=0.0, open_low=True)
fraction = Range("must be between 0 and 1", low=0.0, high=1.0)
share = Range("must be greater than 0 and at most 1", low=0.0, high=1.0, open_low=True)
decay = Range("must be at least 0 and less than 1", low=0.0, high=1.0, open_high=True)
count = at_least(1)
updates = Range(count.words, low=1.0, whole=True, structure=True)
looks = Range(at_least(0).words, low=0.0, whole=True, structure=True)

Count = Annotated[int, count]
"""A whole number of at least 1."""
