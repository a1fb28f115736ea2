"""The numbers of a tuned comparison: a row for each run, each method and each pair."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd

from steadygan.report.tuned.records import Record, Tuned
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
class Standing:
    """The methods of a data set, the best median first, and what may be said of each pair.

    Attributes:
        dataset: its name.
        methods: a row each, see ``methods_table``.
        scores: of the final stage, [methods, seeds]; NaN where a seed is lacking.
        pairs: all pairs of methods.
    """

    dataset: str
    methods: pd.DataFrame
    scores: np.ndarray
    pairs: Decisions

    @property
    def names(self) -> list[str]:
        """The methods that have final runs, in their order."""
        return list(self.methods["method"][: len(self.scores)])


def runs_table(tuned: Tuned) -> pd.DataFrame:
    """Return a row for each run of each stage."""
    return pd.DataFrame(
        [
            {
                "dataset": each.dataset,
                "stage": each.stage,
                "method": each.method,
                "setting": " ".join(each.setting),
                "seed": each.seed,
                "status": each.run.status,
                tuned.metric: each.score,
                f"{tuned.metric}_longer": each.longer,
                "meets_criterion": each.met,
                "reached": each.reached,
                "iteration": each.run.iteration,
                "seconds": each.run.seconds,
                "signature": each.run.signature,
            }
            for each in tuned.records
        ]
    )


def standing(tuned: Tuned, dataset: str) -> Standing:
    """Return how the methods of a data set stand in the final stage."""
    final = tuned.of(dataset, "final")
    seeds = sorted({each.seed for each in final if each.seed is not None})
    rows = [_row(tuned, dataset, method, final) for method in tuned.methods(dataset)]
    rows.sort(key=lambda row: (np.isnan(row["median"]), row["median"], row["interquartile_mean"]))
    table = pd.DataFrame(rows)
    by_method = {row["method"]: _by_seed(final, row["method"], seeds) for row in rows if row["runs"]}
    scores = np.array(list(by_method.values())).reshape(len(by_method), len(seeds))
    pairs = decisions(scores) if len(scores) else Decisions([], [], np.empty((0, 0)))
    return Standing(dataset, _with_baseline(table, list(by_method), pairs), scores, pairs)


def _with_baseline(table: pd.DataFrame, names: Sequence[str], pairs: Decisions) -> pd.DataFrame:
    """Return the table with P(better than the baseline), where there is one."""
    if BASELINE in names:
        column = names.index(BASELINE)
        table = table.assign(better_than_baseline=np.nan)
        for row, improvements in enumerate(pairs.improvements):
            if row != column:
                table.loc[row, "better_than_baseline"] = improvements[column].estimate
    return table


def _by_seed(records: Sequence[Record], method: str, seeds: Sequence[int]) -> list[float]:
    scores = {each.seed: each.score for each in records if each.method == method}
    return [scores.get(seed, np.nan) for seed in seeds]


def _row(tuned: Tuned, dataset: str, method: str, final: Sequence[Record]) -> dict[str, object]:
    node, floor = tuned.methods(dataset)[method], tuned.floor(dataset)
    mine = [each for each in final if each.method == method]
    scores = _known(each.score for each in mine)
    longer = _known(each.longer for each in mine)
    published = _known(each.score for each in tuned.of(dataset, "published") if each.method == method)
    met = [each.met for each in mine if each.met is not None]
    share = sum(met) / len(met) if met else np.nan
    low, high = bootstrap_interval(scores, medians) if len(scores) else (np.nan, np.nan)
    share_low, share_high = proportion_interval(sum(met), len(met))
    median = float(medians(scores)) if len(scores) else np.nan
    return {
        "dataset": dataset,
        "method": method,
        "runs": len(scores),
        "median": median,
        "low": low,
        "high": high,
        "interquartile_mean": interquartile_mean(scores) if len(scores) else np.nan,
        "above_floor": median - float(np.median(floor)) if floor else np.nan,
        "meet_criterion": share,
        "meet_low": share_low,
        "meet_high": share_high,
        "failed": int(np.isinf(scores).sum()),
        "median_longer": float(medians(longer)) if len(longer) else np.nan,
        "median_published": float(medians(published)) if len(published) else np.nan,
        "tuned": " ".join(node["tuned"]) if node.get("tuned") else "",
    }


def _known(values: object) -> np.ndarray:
    array = np.array(list(values), dtype=float)  # pyright: ignore[reportArgumentType, reportCallIssue]  # any iterable
    return array[~np.isnan(array)]


def pairs_table(standings: Sequence[Standing]) -> pd.DataFrame:
    """Return a row for each pair of methods on each data set, ``first`` having the better median."""
    rows = []
    for each in standings:
        for i, first in enumerate(each.names):
            for j in range(i + 1, len(each.names)):
                improvement, decision = each.pairs.improvements[i][j], each.pairs.decisions[i][j]
                rows.append(
                    {
                        "dataset": each.dataset,
                        "first": first,
                        "second": each.names[j],
                        "p_better": improvement.estimate,
                        "low": improvement.low,
                        "high": improvement.high,
                        "p_better_unpaired": improvement.unpaired,
                        "seeds": improvement.pairs,
                        "p_family": cast("float", each.pairs.p_family[i, j]),
                        "decision": decision,
                        "seeds_to_decide": seeds_to_decide(improvement) if decision == "open" else None,
                    }
                )
    return pd.DataFrame(rows)
