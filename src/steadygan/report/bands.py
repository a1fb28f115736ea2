"""Curves of seeds as one line with a band."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from steadygan.report.collect import CURVE_POINTS, Curve, Run, thin
from steadygan.report.groups import Group

# Points of all methods of one plot together: what keeps the page of a large sweep light.
_POINTS_A_PLOT = 4000
_FEWEST_POINTS = 40


@dataclass(frozen=True)
class Band:
    """Median, minimum and maximum over the seeds that have a value, at ``x``; all float arrays [points]."""

    x: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray
    seeds: int


def points_for(methods: int) -> int:
    """How many points a curve gets when so many methods share a plot."""
    return int(np.clip(_POINTS_A_PLOT // max(methods, 1), _FEWEST_POINTS, CURVE_POINTS))


def _curve(run: Run, column: str, against: str) -> Curve | None:
    curve = run.curves.get(column)
    if curve is None or against == "iteration":
        return curve
    clock = run.curves.get(against)
    return None if clock is None else (np.interp(curve[0], *clock), curve[1])


def columns(groups: Sequence[Group], prefix: str) -> list[str]:
    """The columns of that prefix that any run has, in order of appearance."""
    found = (name for group in groups for run in group.runs for name in run.curves if name.startswith(prefix))
    return list(dict.fromkeys(found))


def band(runs: Sequence[Run], column: str, points: int, against: str = "iteration") -> Band | None:
    """The seeds' curves on common points, each interpolated between its own first and last, or None without any.

    ``against`` is ``iteration`` or ``seconds``, those that each run itself has spent.
    """
    curves = [curve for run in runs if (curve := _curve(run, column, against))]
    if not curves:
        return None
    x = np.unique(np.concatenate([curve[0] for curve in curves]))
    if len(x) > points:
        longest = max((curve[0] for curve in curves), key=len)
        x = np.unique(np.append(longest[thin(len(longest), points)], x[-1]))
    values = np.array([np.interp(x, *curve, left=np.nan, right=np.nan) for curve in curves])
    known = ~np.all(np.isnan(values), axis=0)
    x, values = x[known], values[:, known]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        summary = np.nanmedian(values, axis=0), np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    return Band(x, *summary, seeds=len(curves))
