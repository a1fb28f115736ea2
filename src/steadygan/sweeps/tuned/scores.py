"""The score of a run, as its files tell it."""

import math
from collections.abc import Mapping
from pathlib import Path

from steadygan.runs import files


def score(run: Path, metric: str) -> float:
    """Return a run's final value of a metric; infinite where it failed, NaN where it is not known.

    Args:
        run: its folder.
        metric: its name, such as ``wasserstein``; small is good.
    """
    summary = files.read_summary(run) or {}
    if summary.get("status") in ("diverged", "failed"):
        return math.inf
    if summary.get("status") != "completed":
        return math.nan
    value = summary.get("metrics", {}).get(metric)
    final = value.get("final") if isinstance(value, Mapping) else None
    return math.inf if final is None else float(final)
