"""From the runs of one stage to the settings of the next."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from steadygan.runs.job import Job
from steadygan.sweeps.tuned.scores import score
from steadygan.sweeps.tuned.selection import best, mean_ranks
from steadygan.sweeps.tuned.state import Candidate, Entry

Runs = Mapping[tuple[str, str, tuple[str, ...]], Mapping[int, Job]]
"""The jobs of a stage by data set, method and setting, then by seed."""


def pick_candidates(entries: Sequence[Entry], runs: Runs, metric: str, count: int) -> None:
    """Have each entry know its best settings of a search; none where no run has trained.

    Entries whose runs are not all over know none yet.
    """
    for entry in entries:
        scores = _scores(entry, entry.settings, runs, metric)
        table = np.array([list(each.values()) for each in scores])
        before, entry.candidates = entry.candidates, None
        if np.isnan(table).any():
            entry.tuned = None
            continue
        ranks = mean_ranks(table)
        chosen = best(table, count) if np.isfinite(table).any() else []
        found = [Candidate(tuple(entry.settings[index]), scores[index], float(ranks[index])) for index in chosen]
        entry.candidates = before if before and [replace(each, selection=None) for each in before] == found else found
        entry.tuned = entry.tuned if entry.candidates is before else None


def pick_tuned(entries: Sequence[Entry], runs: Runs, metric: str) -> None:
    """Have each entry know the best of its candidates, once all their runs are over."""
    for entry in entries:
        if not entry.candidates:
            continue
        entry.tuned = None
        scores = _scores(entry, [each.overrides for each in entry.candidates], runs, metric)
        table = np.array([list(each.values()) for each in scores])
        if np.isnan(table).any():
            continue
        entry.candidates = [replace(each, selection=own) for each, own in zip(entry.candidates, scores, strict=True)]
        entry.tuned = entry.candidates[best(table, 1)[0]].overrides


def without_setting(entries: Sequence[Entry]) -> Iterator[str]:
    """Yield what is to be said of methods of which no run of the search has trained."""
    for entry in entries:
        if entry.failed:
            yield f"{entry.method} on {entry.dataset}: all runs of the search failed, so there is no tuned setting"


def scores_of(entries: Sequence[Entry], runs: Runs, metric: str, dataset: str) -> dict[str, list[float]]:
    """Return the known scores of all runs of a stage on a data set, by method."""
    own = [entry for entry in entries if entry.dataset == dataset]
    values = {
        entry.method: [v for each in _scores(entry, entry.settings, runs, metric) for v in each.values()]
        for entry in own
    }
    return {name: [value for value in each if not np.isnan(value)] for name, each in values.items()}


def _scores(entry: Entry, settings: Sequence[tuple[str, ...]], runs: Runs, metric: str) -> list[dict[int, float]]:
    return [
        {
            seed: score(job.directory, metric)
            for seed, job in runs.get((entry.dataset, entry.method, tuple(setting)), {}).items()
        }
        for setting in settings
    ]
