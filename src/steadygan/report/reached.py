"""When the thresholds of the runs were first met: time to a given quality, seed by seed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from steadygan.report.collect import Run
from steadygan.report.groups import Group
from steadygan.statistics.medians import median

KINDS = ("iteration", "images", "seconds")


@dataclass(frozen=True)
class Reached:
    """When one method met one bound: ``met`` of the ``known`` seeds, and the medians over all of these.

    A run that ended or failed without having met the bound counts as never (infinite); one that is still in training
    and has not met it is not known.
    """

    bound: str
    method: str
    met: int
    known: int
    iteration: float
    images: float
    seconds: float


def reached(groups: Sequence[Group]) -> list[Reached]:
    """Return a line for each bound and method, bound by bound, the earliest first."""
    bounds = list(dict.fromkeys(bound for group in groups for run in group.runs for bound in run.reached))
    lines = [_line(bound, group) for bound in bounds for group in groups]
    known = (line for line in lines if line.known)
    return sorted(known, key=lambda line: (bounds.index(line.bound), line.iteration, -line.met, line.method))


def _line(bound: str, group: Group) -> Reached:
    runs = [run for run in group.runs if bound in run.reached and (_met(run, bound) or run.completed or run.failed)]
    when = {kind: median(np.array([_when(run, bound, kind) for run in runs])) for kind in KINDS}
    return Reached(bound, group.name, sum(_met(run, bound) for run in runs), len(runs), **when)


def _met(run: Run, bound: str) -> bool:
    return run.reached[bound].iteration is not None


def _when(run: Run, bound: str, kind: str) -> float:
    value = getattr(run.reached[bound], kind)
    return np.inf if value is None else float(value)
