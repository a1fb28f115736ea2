"""Comparing methods over seeds: medians with lost seeds as worst, paired sign-flip tests, Holm, bootstrap.

An outcome is a float: a finite value, or the worst possible one (+inf where small is good, -inf where large is) for
a seed that diverged or failed, or NaN where nothing is known yet (not finished, or the metric was not measured).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from steadygan.report.collect import Run
from steadygan.report.groups import Group

LEVEL = 0.05
BOOTSTRAP_SEEDS = 5
BASELINE = "nonsaturating"
"""What every method is compared with where the sweep names nothing else."""
INTERVAL = "95 % interval"
RANGE = "range"
_LARGE_IS_GOOD = {"modes", "high_quality", "is", "precision", "recall", "density", "coverage", "accuracy"}
_TIE_BREAKS = {"modes": ("high_quality", "wasserstein")}


def metric_names(runs: Sequence[Run]) -> list[str]:
    """The metrics of the runs in order of appearance, the main one first: fid, else modes, else the first."""
    names = list(dict.fromkeys(name for run in runs for name in run.scores))
    main = next((name for name in ("fid", "modes") if name in names), None)
    return sorted(names, key=lambda name: name != main) if main else names


def direction_of(metric: str, runs: Sequence[Run]) -> str:
    """``max`` or ``min``: what the runs say, else what the metric's name is known for."""
    said = (run.scores[metric].direction for run in runs if metric in run.scores)
    return next((word for word in said if word), "max" if metric in _LARGE_IS_GOOD else "min")


def worst(direction: str) -> float:
    return -np.inf if direction == "max" else np.inf


def outcome(run: Run, metric: str, direction: str, kind: str = "final") -> float:
    """A run's final, best, gap or area of a metric; see the module's note on lost and unfinished runs.

    A lost run keeps the ``best`` it had reached; its final, gap and area (of a curve cut short) count as worst.
    A completed run whose metric is not finite counts as worst as well.
    """
    score = run.scores.get(metric)
    value = getattr(score, kind) if score else None
    if run.lost:
        return value if kind == "best" and value is not None else worst(direction)
    if not run.completed or score is None:
        return np.nan
    return worst(direction) if value is None else value


def outcomes(group: Group, metric: str, direction: str, kind: str = "final") -> np.ndarray:
    """The known outcomes of a group's seeds, in the order of its runs."""
    values = np.array([outcome(run, metric, direction, kind) for run in group.runs], dtype=float)
    return values[~np.isnan(values)]


def median(values: np.ndarray) -> float:
    """The median where infinities are allowed: NaN for no value, and for the middle of -inf and +inf."""
    if not len(values):
        return np.nan
    ordered = np.sort(values)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    if low == high:
        return float(low)
    with np.errstate(invalid="ignore"):
        return float((low + high) / 2)


@dataclass(frozen=True)
class Row:
    """One line of the ranking. ``rank`` is None without a known outcome; ties in all criteria share a rank."""

    group: Group
    rank: int | None
    counted: int
    diverged: int
    failed: int
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

    @property
    def lost(self) -> int:
        return self.diverged + self.failed


def rank(groups: Sequence[Group], metric: str | None, direction: str) -> list[Row]:
    """Best median final first; ties by the metric's tie-breaks (modes: high_quality, wasserstein), then by name."""
    criteria = {group.name: _criteria(group, metric, direction) for group in groups}
    ordered = sorted(groups, key=lambda group: criteria[group.name])
    rows: list[Row] = []
    for place, group in enumerate(ordered, start=1):
        known = metric is not None and not np.isinf(criteria[group.name][0][0])
        same = rows and rows[-1].rank and criteria[rows[-1].group.name] == criteria[group.name]
        rows.append(_row(group, (rows[-1].rank if same else place) if known else None, metric, direction))
    return rows


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


def _row(group: Group, place: int | None, metric: str | None, direction: str) -> Row:
    final, best, gap, area = (
        outcomes(group, metric, direction, kind) if metric else np.array([])
        for kind in ("final", "best", "gap", "area")
    )
    seconds = np.array([run.seconds for run in group.runs if run.completed and run.seconds], dtype=float)
    speeds = [run.iteration / run.seconds for run in group.runs if run.iteration and run.seconds]
    statuses = [run.status for run in group.runs]
    return Row(
        group=group,
        rank=place,
        counted=len(final),
        diverged=statuses.count("diverged"),
        failed=statuses.count("failed"),
        unfinished=sum(not run.completed and not run.lost for run in group.runs),
        median=median(final),
        low=float(final.min()) if len(final) else np.nan,
        high=float(final.max()) if len(final) else np.nan,
        best=median(best),
        gap=median(gap),
        area=median(area),
        seconds=median(seconds),
        speed=median(np.array(speeds, dtype=float)),
        memory=median(np.array([run.memory for run in group.runs if run.memory], dtype=float)),
    )


def smallest_p(pairs: int) -> float:
    """The smallest two-sided p that a sign-flip test on so many pairs can give: 2 / 2^n."""
    return 1.0 if pairs < 1 else min(1.0, 2.0 / 2.0**pairs)


def seeds_needed(comparisons: int) -> int:
    """The fewest common seeds with which one of so many Holm-corrected comparisons can reach LEVEL."""
    pairs = 1
    while comparisons * smallest_p(pairs) > LEVEL:
        pairs += 1
    return pairs


def differences(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """``first - second`` per seed; two lost seeds are equal."""
    with np.errstate(invalid="ignore"):
        found = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    return np.where(np.isnan(found), 0.0, found)


def signed_ranks(found: np.ndarray) -> np.ndarray:
    """Ranks of the differences' sizes with their signs: an infinite difference is the largest, not all there is."""
    return np.sign(found) * stats.rankdata(np.abs(found))


def sign_flip(found: np.ndarray) -> float:
    """Two-sided p of paired differences under exchange within pairs (signed-rank statistic, exact to 14 pairs)."""
    if len(found) < 2 or not np.any(found):
        return 1.0
    ranks = signed_ranks(found)
    test = stats.permutation_test(
        (ranks, np.zeros_like(ranks)),
        lambda a, b, axis: np.sum(a - b, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=2**14,
        rng=np.random.default_rng(0),
    )
    return float(test.pvalue)


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down correction (Scand. J. Statist. 6, 1979): adjusted p in the order given."""
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    running = 0.0
    for step, index in enumerate(order):
        running = max(running, min(1.0, (len(p) - step) * p[index]))
        adjusted[index] = running
    return adjusted.tolist()


def median_interval(found: np.ndarray) -> tuple[float, float, str]:
    """(low, high, what it is): a percentile bootstrap of the median from 5 finite values on, else their range."""
    if len(found) < BOOTSTRAP_SEEDS or not np.all(np.isfinite(found)):
        return (float(np.min(found)), float(np.max(found)), RANGE)
    if np.ptp(found) == 0:
        return (float(found[0]), float(found[0]), INTERVAL)
    result = stats.bootstrap(
        (found,), np.median, vectorized=True, method="percentile", n_resamples=2000, rng=np.random.default_rng(0)
    )
    return (float(result.confidence_interval.low), float(result.confidence_interval.high), INTERVAL)


@dataclass(frozen=True)
class Comparison:
    """``first`` against ``second`` on ``pairs`` common seeds; ``difference`` is first - second, median over seeds.

    ``better`` names the better one where the Holm-corrected ``p_holm`` is at most LEVEL, else it is empty.
    """

    first: str
    second: str
    pairs: int
    lost: int
    difference: float
    low: float
    high: float
    interval: str
    p: float
    p_holm: float
    better: str


def compare(rows: Sequence[Row], metric: str, direction: str, baseline: str = BASELINE) -> list[Comparison]:
    """The best against every other method, and every method against the baseline, as one Holm family."""
    ranked = [row.group for row in rows if row.rank is not None]
    found = []
    for first, second in _pairs(ranked, baseline):
        ours, theirs = (_by_seed(group, metric, direction) for group in (first, second))
        seeds = [seed for seed in ours if seed in theirs]
        if seeds:
            values = np.array([ours[seed] for seed in seeds]), np.array([theirs[seed] for seed in seeds])
            found.append((first.name, second.name, *values, sign_flip(differences(*values))))
    corrected = holm([item[-1] for item in found])
    return [_comparison(*item, p_holm=p_holm, direction=direction) for item, p_holm in zip(found, corrected)]


def _pairs(ranked: list[Group], baseline: str) -> list[tuple[Group, Group]]:
    pairs = [(ranked[0], other) for other in ranked[1:]] if ranked else []
    base = next((group for group in ranked[1:] if group.name == baseline), None)
    if base:
        pairs += [(group, base) for group in ranked[1:] if group is not base]
    return pairs


def _by_seed(group: Group, metric: str, direction: str) -> Mapping[int, float]:
    values = {run.seed: outcome(run, metric, direction) for run in reversed(group.runs) if run.seed is not None}
    return {seed: value for seed, value in values.items() if not np.isnan(value)}


def _comparison(
    first: str, second: str, ours: np.ndarray, theirs: np.ndarray, p: float, *, p_holm: float, direction: str
) -> Comparison:
    found = differences(ours, theirs)
    low, high, interval = median_interval(found)
    gain = float(np.sum(signed_ranks(found))) * (1 if direction == "max" else -1)
    better = "" if p_holm > LEVEL or gain == 0 else first if gain > 0 else second
    return Comparison(
        first=first,
        second=second,
        pairs=len(found),
        lost=int(np.sum(np.isinf(ours) | np.isinf(theirs))),
        difference=median(found),
        low=low,
        high=high,
        interval=interval,
        p=p,
        p_holm=p_holm,
        better=better,
    )
