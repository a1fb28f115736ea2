"""Comparing methods over seeds: ranking by medians with failed runs as worst, and one test for all pairs.

An outcome is a float: a finite value, or the worst possible one (+inf where small is good, -inf where large is) for
a run that failed (diverged or crashed), or NaN where nothing is known yet (not finished, or the metric was not
measured).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from steadygan.report.collect import Run
from steadygan.report.groups import Group
from steadygan.statistics.family_wise import AllPairs, all_pairs
from steadygan.statistics.medians import median, median_interval
from steadygan.statistics.paired import differences

LEVEL = 0.05
BASELINE = "nonsaturating"
"""What every method is compared with where the sweep names nothing else."""
_TIE_BREAKS = {"modes": ("high_quality", "wasserstein")}


def metric_names(runs: Sequence[Run]) -> list[str]:
    """Return the metrics of the runs in order of appearance, the main one first: fid, else modes, else the first."""
    names = list(dict.fromkeys(name for run in runs for name in run.scores))
    main = next((name for name in ("fid", "modes") if name in names), None)
    return sorted(names, key=lambda name: name != main) if main else names


def direction_of(metric: str, runs: Sequence[Run]) -> str:
    """Return ``max`` or ``min``: what the metric said in the runs; ``min`` if it said nothing."""
    return stated_direction(metric, runs) or "min"


def stated_direction(metric: str, runs: Sequence[Run]) -> str | None:
    """Return ``max`` or ``min``, if the metric said so in any run."""
    return next((way for run in runs if metric in run.scores and (way := run.scores[metric].direction)), None)


def worst(direction: str) -> float:
    """Return the outcome of a failed run."""
    return -np.inf if direction == "max" else np.inf


def worst_there_is(metric: str, direction: str, runs: Sequence[Run]) -> float:
    """Return the worst value of a finished run: an infinite distance, or 0 unless the metric said another."""
    if direction == "min":
        return np.inf
    return next((run.least[metric] for run in runs if metric in run.least), 0.0)


def outcome(run: Run, metric: str, direction: str, kind: str = "final") -> float:
    """Return a run's final, best, gap or area of a metric; see the module's note on failed and unfinished runs.

    A failed run keeps the ``best`` it had reached; its final, gap and area (of a curve cut short) count as worst.
    A completed run whose metric is not finite counts as worst as well.
    """
    score = run.scores.get(metric)
    value = getattr(score, kind) if score else None
    if run.failed:
        return value if kind == "best" and value is not None else worst(direction)
    if not run.completed or score is None:
        return np.nan
    return worst(direction) if value is None else value


def outcomes(group: Group, metric: str, direction: str, kind: str = "final") -> np.ndarray:
    """Return the known outcomes of a group's seeds, in the order of its runs."""
    values = np.array([outcome(run, metric, direction, kind) for run in group.runs], dtype=float)
    return values[~np.isnan(values)]


@dataclass(frozen=True)
class Row:
    """One line of the ranking: medians over seeds. ``rank`` is None without a known outcome; ties share a rank.

    ``worst`` says that no outcome is better than the worst there is. ``breaks`` are the medians of the metrics that
    order methods whose ``median`` is the same.
    """

    group: Group
    rank: int | None
    counted: int
    diverged: int
    crashed: int
    unfinished: int
    median: float
    low: float
    high: float
    best: float
    gap: float
    area: float
    seconds: float
    speed: float
    memory: float
    worst: bool = False
    breaks: Mapping[str, float] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """How many seeds failed."""
        return self.diverged + self.crashed


def rank(groups: Sequence[Group], metric: str | None, direction: str) -> list[Row]:
    """Return the best median final first; ties by the metric's tie-breaks (modes: high_quality, wasserstein)."""
    rows = [_row(group, metric, direction) for group in groups]
    costs = {row.group.name: _costs(row, metric, direction) for row in rows}
    ranked: list[Row] = []
    for position, row in enumerate(sorted(rows, key=lambda row: costs[row.group.name]), start=1):
        same = ranked and costs[ranked[-1].group.name] == costs[row.group.name]
        known = ranked[-1].rank if same else position
        ranked.append(replace(row, rank=None if np.isnan(row.median) else known))
    return ranked


def tie_breaks(rows: Sequence[Row]) -> list[str]:
    """Return the metrics that put methods of one median in order: those that it takes, none where no medians tie."""
    ranked = [row for row in rows if row.rank is not None]
    used: list[str] = []
    for first, second in pairwise(ranked):
        if first.median != second.median:
            continue
        for name in first.breaks:
            used += [name] if name not in used else []
            if _text(first.breaks[name]) != _text(second.breaks.get(name, np.nan)):
                break
    return used


def _text(value: float) -> str:
    return repr(float(value))


def _costs(row: Row, metric: str | None, direction: str) -> list[tuple[float, float]]:
    """Return sort keys, small is good: (is unknown, signed median) of the metric and its tie-breaks."""
    medians = [(row.median, direction)]
    for name in _TIE_BREAKS.get(metric or "", ()):
        medians.append((row.breaks.get(name, np.nan), direction_of(name, row.group.runs)))
    return [(np.inf, 0.0) if np.isnan(value) else (0.0, -value if way == "max" else value) for value, way in medians]


def _row(group: Group, metric: str | None, direction: str) -> Row:
    kinds = {"median": "final", "best": "best", "gap": "gap", "area": "area"}
    values = {name: outcomes(group, metric, direction, kind) if metric else np.empty(0) for name, kind in kinds.items()}
    final, runs = values["median"], group.runs
    costs = {
        "seconds": [run.seconds for run in runs if run.completed and run.seconds],
        "speed": [run.iteration / run.seconds for run in runs if run.iteration and run.seconds],
        "memory": [run.memory for run in runs if run.memory],
    }
    statuses = [run.status for run in runs]
    return Row(
        group=group,
        rank=None,
        counted=len(final),
        diverged=statuses.count("diverged"),
        crashed=statuses.count("failed"),
        unfinished=sum(not run.completed and not run.failed for run in runs),
        low=float(final.min()) if len(final) else np.nan,
        high=float(final.max()) if len(final) else np.nan,
        worst=metric is not None and _all_worst(final, metric, direction, runs),
        breaks=_breaks(group, metric),
        **{name: median(each) for name, each in (values | costs).items()},
    )


def _all_worst(final: np.ndarray, metric: str, direction: str, runs: Sequence[Run]) -> bool:
    return bool(len(final)) and bool(np.isin(final, [worst_there_is(metric, direction, runs), worst(direction)]).all())


def _breaks(group: Group, metric: str | None) -> dict[str, float]:
    """Return the medians of the metrics that break the ties of ``metric``, those that were measured."""
    names = [name for name in _TIE_BREAKS.get(metric or "", ()) if any(name in run.scores for run in group.runs)]
    return {name: median(outcomes(group, name, direction_of(name, group.runs))) for name in names}


@dataclass(frozen=True)
class Comparison:
    """``first`` against ``second`` on ``pairs`` common seeds; ``difference`` is first - second, median over seeds.

    ``p`` is that of this pair alone, ``p_family`` holds for all pairs of all methods at once. ``better`` names the
    better one where ``p_family`` is at most LEVEL, else it is empty.
    """

    first: str
    second: str
    pairs: int
    failed: int
    difference: float
    low: float
    high: float
    interval: str
    p: float
    p_family: float
    better: str


@dataclass(frozen=True)
class Comparisons:
    """The comparisons to be read, of the test of all pairs of ``methods`` methods.

    ``smallest`` is the smallest ``p_family`` that any outcome of these seeds could have had.
    """

    shown: tuple[Comparison, ...] = ()
    methods: int = 0
    smallest: float = 1.0

    @property
    def too_few(self) -> bool:
        """Whether there are too few seeds for any difference to show."""
        return self.smallest > LEVEL


def compare(rows: Sequence[Row], metric: str, direction: str, baseline: str = BASELINE) -> Comparisons:
    """Test all pairs; show the best against every other method, and every method against the baseline."""
    ranked = [row.group for row in rows if row.rank is not None]
    if len(ranked) < 2:
        return Comparisons(methods=len(ranked))
    seeds = list(dict.fromkeys(run.seed for group in ranked for run in group.runs if run.seed is not None))
    values = np.array([_by_seed(group, metric, direction, seeds) for group in ranked]).reshape(len(ranked), -1)
    test = all_pairs(values)
    shown = [pair for pair in _pairs(ranked, baseline) if not np.isnan(test.statistic[pair])]
    names = [group.name for group in ranked]
    comparisons = [_comparison(names, pair, values, test, direction) for pair in shown]
    return Comparisons(tuple(comparisons), len(ranked), test.smallest)


def _pairs(ranked: list[Group], baseline: str) -> list[tuple[int, int]]:
    pairs = [(0, other) for other in range(1, len(ranked))]
    base = next((index for index, group in enumerate(ranked) if index and group.name == baseline), None)
    if base is not None:
        pairs += [(index, base) for index in range(1, len(ranked)) if index != base]
    return pairs


def _by_seed(group: Group, metric: str, direction: str, seeds: Sequence[int]) -> list[float]:
    outcomes_by_seed = ((run.seed, outcome(run, metric, direction)) for run in reversed(group.runs))
    values = {seed: value for seed, value in outcomes_by_seed if not np.isnan(value)}
    return [values.get(seed, np.nan) for seed in seeds]


def _comparison(
    names: Sequence[str], pair: tuple[int, int], values: np.ndarray, test: AllPairs, direction: str
) -> Comparison:
    first, second = (names[index] for index in pair)
    values = values[list(pair)]
    values = values[:, ~np.isnan(values).any(axis=0)]
    gaps, p_family = differences(*values), float(test.p_family[pair])
    gain = test.statistic[pair] if direction == "max" else -test.statistic[pair]
    better = "" if p_family > LEVEL or gain == 0 else first if gain > 0 else second
    failed = int(np.isinf(values).any(axis=0).sum())
    p = float(test.p[pair])
    return Comparison(first, second, len(gaps), failed, median(gaps), *median_interval(gaps), p, p_family, better)
