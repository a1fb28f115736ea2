"""Curves of seeds as one line with a band."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from steadygan.report.collect import CURVE_POINTS, Curve, Run, thin
from steadygan.report.groups import Group
from steadygan.report.statistics import worst
from steadygan.statistics.medians import median

# Points of all methods of one plot together: what keeps the page of a large sweep light.
_POINTS_A_PLOT = 4000
_FEWEST_POINTS = 40


@dataclass(frozen=True)
class SeedBand:
    """Median, minimum and maximum over the seeds that have a value, at ``x``; all float arrays [points]."""

    x: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray
    seeds: int


def points_for(methods: int) -> int:
    """Return how many points a curve gets when so many methods share a plot."""
    return int(np.clip(_POINTS_A_PLOT // max(methods, 1), _FEWEST_POINTS, CURVE_POINTS))


def _curve(run: Run, column: str, against: str) -> Curve | None:
    curve = run.curves.get(column)
    if curve is None or against == "iteration":
        return curve
    clock = run.curves.get(against)
    return None if clock is None else (np.interp(curve[0], *clock), curve[1])


def columns(groups: Sequence[Group], prefix: str) -> list[str]:
    """Return the columns of that prefix that any run has, in order of appearance."""
    names = (name for group in groups for run in group.runs for name in run.curves if name.startswith(prefix))
    return list(dict.fromkeys(names))


def band(
    runs: Sequence[Run], column: str, points: int, against: str = "iteration", direction: str | None = None
) -> SeedBand | None:
    """Return the seeds' curves on common points, each interpolated between its own first and last, or None without any.

    A metric, which has a ``direction``, is summarised over the same seeds everywhere: those that have ended, from where
    each of them has been evaluated. A completed run keeps its last value, a failed one (diverged or crashed) is the
    worst possible (infinite) from its last value on, or all along if it has none. Runs that have not ended are shown
    where none has. Other columns are summarised over the seeds that have a value.

    Args:
        runs: seeds of one method.
        column: of ``metrics.csv``.
        points: how many at most.
        against: ``iteration`` or ``seconds``, those that each run itself has spent.
        direction: ``max`` or ``min``, of a metric.
    """
    ended = [run for run in runs if run.completed or run.failed] if direction else []
    curves = [(run, curve) for run in ended or runs if (curve := _curve(run, column, against))]
    if not curves:
        return None
    x = _common(curves, points, failed=bool(ended))
    values = np.array([_along(x, run, curve, direction if ended else None) for run, curve in curves])
    never = sum(run.failed for run in ended) - sum(run.failed for run, _ in curves) if ended else 0
    if never:
        values = np.concatenate([values, np.full((never, len(x)), worst(str(direction)))])
    known = ~np.any(np.isnan(values), axis=0) if ended else ~np.all(np.isnan(values), axis=0)
    if not known.any():
        return None
    x, values = x[known], values[:, known]
    with np.errstate(invalid="ignore"):
        summary = _medians(values), np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    return SeedBand(x, *summary, seeds=len(values))


def _common(curves: Sequence[tuple[Run, Curve]], points: int, failed: bool) -> np.ndarray:
    """Return where all curves are read: their own points, thinned, and the end of a failed run and just after it."""
    x = np.unique(np.concatenate([curve[0] for _, curve in curves]))
    if len(x) > points:
        longest = max((curve[0] for _, curve in curves), key=len)
        x = np.unique(np.append(longest[thin(len(longest), points)], x[-1]))
    ends = [curve[0][-1] for run, curve in curves if run.failed] if failed else []
    return np.unique(np.concatenate([x, ends, np.nextafter(ends, np.inf)]))


def _along(x: np.ndarray, run: Run, curve: Curve, direction: str | None) -> np.ndarray:
    after = np.nan if direction is None else worst(direction) if run.failed else curve[1][-1]
    return np.interp(x, *curve, left=np.nan, right=after)


def _medians(values: np.ndarray) -> np.ndarray:
    """Return the median of each column, infinities allowed; NaN, where a seed has none, is left out."""
    return np.array([median(column[~np.isnan(column)]) for column in values.T])
