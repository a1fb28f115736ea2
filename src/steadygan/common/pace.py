"""How fast something goes, and how long it takes: by the last minute, not by how it began."""

from collections import deque
from collections.abc import Sequence

WINDOW = 60.0
"""Seconds that a rate is of."""

TOGETHER = 0.2
"""Seconds within which of several reports the last one is kept."""


class Pace:
    """Steps a second over the last minute; of the last two reports, where these are further apart."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, float]] = deque()

    def add(self, done: float, now: float) -> None:
        """So many are done at the second ``now``."""
        if len(self._marks) > 1 and now - self._marks[-2][0] < TOGETHER:
            self._marks.pop()
        self._marks.append((now, done))
        while len(self._marks) > 2 and self._marks[0][0] < now - WINDOW:
            self._marks.popleft()

    def rate(self, now: float) -> float | None:
        """Return the rate; None until there are two values to compare, and falling if no further one comes."""
        if len(self._marks) < 2:
            return None
        (began, first), (ended, last) = self._marks[0], self._marks[-1]
        usual = (ended - began) / (len(self._marks) - 1)
        seconds = max(ended, now - usual) - began
        return (last - first) / seconds if last > first and seconds > 0 else None


def time_left(going: Sequence[tuple[float, float | None]], waiting: float, before: float | None = None) -> float | None:
    """Seconds until all is done; None while no rate is known.

    One that has no rate yet goes as fast as the others do; and nothing is over before the slowest is.

    Args:
        going: of each that runs what is left, and its rate.
        waiting: what is left of those that have not begun.
        before: the rate of one that has ended, for when no other is known.
    """
    known = [rate for _, rate in going if rate]
    mean = sum(known) / len(known) if known else before
    if not going or not mean:
        return None
    each = [(left, rate or mean) for left, rate in going]
    alone = max(left / rate for left, rate in each)
    return max(alone, (sum(left for left, _ in each) + waiting) / sum(rate for _, rate in each))
