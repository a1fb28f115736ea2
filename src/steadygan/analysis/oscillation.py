"""How much a loss swings, and how regularly: of the rows of ``metrics.csv``."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, SupportsFloat

import numpy as np
from scipy.signal import detrend, periodogram

PLAYERS = ("discriminator", "generator")

TRAIL = 50
"""Rows that the trailing window holds."""

FEWEST = 8
"""Rows below which a spectrum says nothing."""

ROUNDING = 1e-9
"""Share of a loss below which its moves are none."""


class Peak(NamedTuple):
    """The strongest oscillation of a series: its period in iterations and its share of the variance."""

    period: float
    share: float


def spread(values: Sequence[float]) -> float | None:
    """Return the standard deviation about the linear trend; None of fewer than three values."""
    return float(np.std(detrend(np.asarray(values)))) if len(values) > 2 else None


def peak(iterations: Sequence[int], values: Sequence[float]) -> Peak | None:
    """Return the strongest oscillation about the linear trend; None of fewer than ``FEWEST`` values or of a constant.

    By the periodogram under a Hann window. The share is near 1 for a cycle, small for noise.
    """
    if len(values) < FEWEST:
        return None
    moves = detrend(np.asarray(values))
    if np.abs(moves).max() <= ROUNDING * np.abs(values).max():
        return None
    frequencies, power = periodogram(moves, window="hann", detrend=False)  # pyright: ignore[reportArgumentType] scipy takes False
    total, top = float(power[1:].sum()), int(power[1:].argmax()) + 1
    # the window spreads a line over its neighbours
    near = float(power[max(top - 1, 1) : top + 2].sum())
    return Peak(float(np.median(np.diff(iterations))) / float(frequencies[top]), near / total)


class Trailing:
    """The oscillation of both losses over the last ``TRAIL`` rows."""

    def __init__(self) -> None:
        self._rows: deque[tuple[int, tuple[float, ...]]] = deque(maxlen=TRAIL)

    def recall(self, rows: Iterable[Mapping[str, SupportsFloat | str]]) -> None:
        """Take rows that were written before."""
        for row in rows:
            self._take(row)

    def after(self, row: Mapping[str, SupportsFloat | str]) -> dict[str, float | None]:
        """Return ``oscillation/PLAYER`` and ``period/PLAYER`` with this row; None where the rows are too few to say."""
        self._take(row)
        iterations, losses = zip(*self._rows)
        columns: dict[str, float | None] = {}
        for player, values in zip(PLAYERS, zip(*losses)):
            strongest = peak(iterations, values)
            columns[f"oscillation/{player}"] = spread(values)
            columns[f"period/{player}"] = None if strongest is None else strongest.period
        return columns

    def _take(self, row: Mapping[str, SupportsFloat | str]) -> None:
        losses = tuple(float(row[f"loss/{player}"]) for player in PLAYERS)
        self._rows.append((int(float(row["iteration"])), losses))
