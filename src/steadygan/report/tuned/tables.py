"""The numbers of a tuned comparison: a row for each run, each method and each pair."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd

from steadygan.report.tuned.records import STAGES, Record, Tuned
from steadygan.statistics import (
    Decisions,
    bootstrap_interval,
    decisions,
    interquartile_mean,
    proportion_interval,
    seeds_to_decide,
)
from steadygan.statistics.interquartile import medians

BASELINE = "nonsaturating"


@dataclass(frozen=True)
class Method:
    """A method on a data set, over the seeds of the final stage.

    Attributes:
        dataset: its name.
        method: its name.
        runs: final runs that are over.
        median: of the scores; NaN without a run.
        low: the lower end of its 95 % interval.
        high: the upper end.
        interquartile_mean: of the scores.
        above_floor: the median less that of real examples.
        meet_criterion: the share of seeds that meet the success criterion.
        meet_low: the lower end of its 95 % interval.
        meet_high: the upper end.
        failed: runs that failed.
        better_than_baseline: P(better than the baseline), where that is compared, too.
        median_longer: the median at the end of the longer runs.
        median_published: the median at the published setting.
        tuned: the setting; empty if it is not known.
    """

    dataset: str
    method: str
    runs: int
    median: float
    low: float
    high: float
    interquartile_mean: float
    above_floor: float
    meet_criterion: float
    meet_low: float
    meet_high: float
    failed: int
    better_than_baseline: float
    median_longer: float
    median_published: float
    tuned: str


@dataclass(frozen=True)
class Standing:
    """The methods of a data set, the best median first, and what may be said of each pair.

    Attributes:
        dataset: its name.
        label: the same, with the folder where several comparisons have it.
        methods: those without final runs come last.
        scores: of the final stage, [methods with runs, seeds]; NaN where a seed is lacking.
        pairs: all pairs of methods with runs.
    """

    dataset: str
    label: str
    methods: Sequence[Method]
    scores: np.ndarray
    pairs: Decisions

    @property
    def names(self) -> list[str]:
        """The methods that have final runs, in their order."""
        return [each.method for each in self.methods if each.runs]

    @property
    def frame(self) -> pd.DataFrame:
        """A row for each method."""
        return pd.DataFrame([asdict(each) | {"dataset": self.label} for each in self.methods])


def runs_table(tuned: Tuned, standing: Standing) -> pd.DataFrame:
    """Return a row for each run of each stage on a data set, with a column for each searched key."""
    records = [each for each in tuned.records if each.dataset == standing.dataset]
    trials = _trials(records)
    return pd.DataFrame(
        [
            {
                "dataset": standing.label,
                "stage": each.stage,
                "method": each.method,
                "trial": trials.get((each.method, each.setting)),
                "seed": each.seed,
                "status": each.run.status,
                "metric": tuned.metric,
                "score": each.score,
                "score_longer": each.longer,
                "meets_criterion": each.met,
                "reached": each.reached,
                "iteration": each.run.iteration,
                "seconds": each.run.seconds,
                **each.run.budget,
                "signature": each.run.signature,
                **dict(text.split("=", 1) for text in each.setting),
            }
            for each in records
        ]
    )


def _trials(records: Sequence[Record]) -> dict[tuple[str, tuple[str, ...]], int]:
    """Return the number of each setting of the search, from 0, by method and setting."""
    numbers: dict[tuple[str, tuple[str, ...]], int] = {}
    count: Counter[str] = Counter()
    for each in records:
        key = each.method, each.setting
        if each.stage == "search" and key not in numbers:
            numbers[key] = count[each.method]
            count[each.method] += 1
    return numbers


def standing(tuned: Tuned, dataset: str, label: str = "") -> Standing:
    """Return how the methods of a data set stand in the final stage; it is called ``label``."""
    final = tuned.of(dataset, "final")
    seeds = sorted({each.seed for each in final if each.seed is not None})
    rows = [_row(tuned, dataset, method, final) for method in tuned.methods(dataset)]
    rows.sort(key=lambda row: (np.isnan(row.median), row.median, row.interquartile_mean))
    names = [row.method for row in rows if row.runs]
    scores = np.array([_by_seed(final, name, seeds) for name in names]).reshape(len(names), len(seeds))
    pairs = decisions(scores) if len(scores) else Decisions([], [], np.empty((0, 0)))
    return Standing(dataset, label or dataset, _with_baseline(rows, names, pairs), scores, pairs)


def _with_baseline(rows: Sequence[Method], names: Sequence[str], pairs: Decisions) -> list[Method]:
    """Return the rows with P(better than the baseline), where there is one."""
    if BASELINE not in names:
        return list(rows)
    column = names.index(BASELINE)
    shares = {name: improvements[column].estimate for name, improvements in zip(names, pairs.improvements, strict=True)}
    shares.pop(BASELINE)
    return [replace(row, better_than_baseline=shares.get(row.method, np.nan)) for row in rows]


def _by_seed(records: Sequence[Record], method: str, seeds: Sequence[int]) -> list[float]:
    scores = {each.seed: each.score for each in records if each.method == method}
    return [scores.get(seed, np.nan) for seed in seeds]


def _row(tuned: Tuned, dataset: str, method: str, final: Sequence[Record]) -> Method:
    node, floor = tuned.methods(dataset)[method], tuned.floor(dataset)
    of_method = [each for each in final if each.method == method]
    scores = _known(each.score for each in of_method)
    published = _known(each.score for each in tuned.of(dataset, "published") if each.method == method)
    met = [each.met for each in of_method if each.met is not None]
    low, high = bootstrap_interval(scores, medians) if len(scores) else (np.nan, np.nan)
    meet_low, meet_high = proportion_interval(sum(met), len(met))
    median = _median(scores)
    return Method(
        dataset=dataset,
        method=method,
        runs=len(scores),
        median=median,
        low=low,
        high=high,
        interquartile_mean=interquartile_mean(scores) if len(scores) else np.nan,
        above_floor=median - float(np.median(floor)) if floor else np.nan,
        meet_criterion=sum(met) / len(met) if met else np.nan,
        meet_low=meet_low,
        meet_high=meet_high,
        failed=int(np.isinf(scores).sum()),
        better_than_baseline=np.nan,
        median_longer=_median(_known(each.longer for each in of_method)),
        median_published=_median(published),
        tuned=" ".join(node["tuned"]) if node.get("tuned") else "",
    )


def _known(values: Iterable[float]) -> np.ndarray:
    array = np.array(list(values), dtype=float)
    return array[~np.isnan(array)]


def _median(values: np.ndarray) -> float:
    return float(medians(values)) if len(values) else np.nan


def cost_table(tuned: Tuned, standing: Standing) -> pd.DataFrame:
    """Return a row for each stage and method: how its runs ended, and what they took."""
    rows = []
    for stage in STAGES:
        for row in standing.methods:
            runs = [each.run for each in tuned.records_of(standing.dataset, stage) if each.method == row.method]
            statuses = [run.status for run in runs]
            counted = sorted({key for run in runs for key in run.budget})
            rows.append(
                {
                    "stage": stage,
                    "dataset": standing.label,
                    "method": row.method,
                    "runs": len(runs),
                    "completed": statuses.count("completed"),
                    "diverged": statuses.count("diverged"),
                    "failed": statuses.count("failed"),
                    "iterations": sum(run.iteration or 0 for run in runs),
                    "seconds": sum(run.seconds or 0.0 for run in runs),
                    **{key: sum(run.budget.get(key, np.nan) for run in runs) for key in counted},
                }
            )
    return pd.DataFrame(rows)


def pairs_table(standings: Sequence[Standing]) -> pd.DataFrame:
    """Return a row for each pair of methods on each data set, ``first`` having the better median."""
    rows = []
    for each in standings:
        for i, first in enumerate(each.names):
            for j in range(i + 1, len(each.names)):
                improvement, decision = each.pairs.improvements[i][j], each.pairs.decisions[i][j]
                rows.append(
                    {
                        "dataset": each.label,
                        "first": first,
                        "second": each.names[j],
                        "p_better": improvement.estimate,
                        "low": improvement.low,
                        "high": improvement.high,
                        "p_better_unpaired": improvement.unpaired,
                        "seeds": improvement.pairs,
                        "p_family": float(each.pairs.p_family[i, j]),
                        "decision": decision,
                        "seeds_to_decide": seeds_to_decide(improvement) if decision == "open" else None,
                    }
                )
    return pd.DataFrame(rows)
