"""Comparing methods over seeds: ranking by medians with failed runs as worst, and one test for all pairs.

An outcome is a float: a finite value, or the worst possible one (+inf where small is good, -inf where large is) for
a run that failed (diverged or crashed), or NaN where nothing is known yet (not finished, or the metric was not
measured).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from steadygan.report.collect import Run
from steadygan.report.groups import Group
from steadygan.statistics.all_pairs import all_pairs
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
    directions = (run.scores[metric].direction for run in runs if metric in run.scores)
    return next((word for word in directions if word), "min")


def worst(direction: str) -> float:
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
    """One line of the ranking. ``rank`` is None without a known outcome; ties in all criteria share a rank.

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
        return self.diverged + self.crashed


def rank(groups: Sequence[Group], metric: str | None, direction: str) -> list[Row]:
    """Best median final first; ties by the metric's tie-breaks (modes: high_quality, wasserstein), then by name."""
    criteria = {group.name: _criteria(group, metric, direction) for group in groups}
    ordered = sorted(groups, key=lambda group: criteria[group.name])
    rows: list[Row] = []
    for position, group in enumerate(ordered, start=1):
        known = metric is not None and not np.isinf(criteria[group.name][0][0])
        same = rows and rows[-1].rank and criteria[rows[-1].group.name] == criteria[group.name]
        rows.append(_row(group, (rows[-1].rank if same else position) if known else None, metric, direction))
    return rows


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


def _criteria(group: Group, metric: str | None, direction: str) -> tuple[tuple[float, float], ...]:
    """Sort keys, small is good: (is unknown, signed median) for the metric and its tie-breaks."""
    if metric is None:
        return ((np.inf, 0.0),)
    keys = [_cost(median(outcomes(group, metric, direction)), direction)]
    for name in _TIE_BREAKS.get(metric, ()):
        way = direction_of(name, group.runs)
        measured = any(name in run.scores for run in group.runs)
        keys.append(_cost(median(outcomes(group, name, way)) if measured else np.nan, way))
    return tuple(keys)


def _cost(value: float, direction: str) -> tuple[float, float]:
    if np.isnan(value):
        return (np.inf, 0.0)
    return (0.0, -value if direction == "max" else value)


def _row(group: Group, position: int | None, metric: str | None, direction: str) -> Row:
    final, best, gap, area = (
        outcomes(group, metric, direction, kind) if metric else np.array([])
        for kind in ("final", "best", "gap", "area")
    )
    seconds = np.array([run.seconds for run in group.runs if run.completed and run.seconds], dtype=float)
    speeds = [run.iteration / run.seconds for run in group.runs if run.iteration and run.seconds]
    statuses = [run.status for run in group.runs]
    return Row(
        group=group,
        rank=position,
        counted=len(final),
        diverged=statuses.count("diverged"),
        crashed=statuses.count("failed"),
        unfinished=sum(not run.completed and not run.failed for run in group.runs),
        median=median(final),
        low=float(final.min()) if len(final) else np.nan,
        high=float(final.max()) if len(final) else np.nan,
        best=median(best),
        gap=median(gap),
        area=median(area),
        seconds=median(seconds),
        speed=median(np.array(speeds, dtype=float)),
        memory=median(np.array([run.memory for run in group.runs if run.memory], dtype=float)),
        worst=metric is not None and _all_worst(final, metric, direction, group.runs),
        breaks=_breaks(group, metric),
    )


def _all_worst(final: np.ndarray, metric: str, direction: str, runs: Sequence[Run]) -> bool:
    return bool(len(final)) and bool(np.isin(final, [worst_there_is(metric, direction, runs), worst(direction)]).all())


def _breaks(group: Group, metric: str | None) -> dict[str, float]:
    """Medians of the metrics that break the ties of ``metric``, those that were measured."""
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
    return Comparisons(
        shown=tuple(
            _comparison(
                (ranked[i].name, ranked[j].name),
                values[[i, j]],
                float(test.statistic[i, j]),
                (float(test.p[i, j]), float(test.p_family[i, j])),
                direction,
            )
            for i, j in shown
        ),
        methods=len(ranked),
        smallest=test.smallest,
    )


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
    names: tuple[str, str], values: np.ndarray, statistic: float, p: tuple[float, float], direction: str
) -> Comparison:
    values = values[:, ~np.isnan(values).any(axis=0)]
    gaps = differences(*values)
    low, high, interval = median_interval(gaps)
    gain = statistic if direction == "max" else -statistic
    better = "" if p[1] > LEVEL or gain == 0 else names[0] if gain > 0 else names[1]
    return Comparison(
        first=names[0],
        second=names[1],
        pairs=len(gaps),
        failed=int(np.isinf(values).any(axis=0).sum()),
        difference=median(gaps),
        low=low,
        high=high,
        interval=interval,
        p=p[0],
        p_family=p[1],
        better=better,
    )
