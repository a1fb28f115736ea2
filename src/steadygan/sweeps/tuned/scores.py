"""The score of a run, as its files tell it."""

import math
from collections.abc import Mapping
from pathlib import Path

from steadygan.runs import files


def score(run: Path, metric: str, iteration: int | None = None) -> float:
    """Return a run's final value of a metric, or that at an iteration; infinite where it failed, NaN where unknown.

    Args:
        run: its folder.
        metric: its name, such as ``wasserstein``; small is good.
        iteration: of the row of ``metrics.csv``; None: the end of the run.
    """
    summary = files.read_summary(run) or {}
    if iteration is not None:
        return _at(run, metric, iteration, summary)
    if summary.get("status") in ("diverged", "failed"):
        return math.inf
    if summary.get("status") != "completed":
        return math.nan
    value = summary.get("metrics", {}).get(metric)
    final = value.get("final") if isinstance(value, Mapping) else None
    return math.inf if final is None else float(final)


def _at(run: Path, metric: str, iteration: int, summary: Mapping[str, object]) -> float:
    try:
        rows = files.read_rows(run / files.METRICS)
    except (files.Unreadable, OSError):
        rows = []
    for row in rows:
        text = row.get(f"metric/{metric}")
        if row.get("iteration") == str(iteration) and text:
            return float(text) if math.isfinite(float(text)) else math.inf
    return math.inf if summary.get("status") in ("diverged", "failed") else math.nan
