"""The verdict in words: what the numbers allow to be concluded."""

from collections.abc import Sequence

import numpy as np

from steadygan.config.node import Config
from steadygan.report.groups import Group, flatten
from steadygan.report.statistics import LEVEL, Comparison, Comparisons, Row, worst, worst_there_is
from steadygan.statistics.family_wise import seeds_needed

_MOST_NAMES, _NAMED = 12, 5
TOO_FEW = "too few seeds for a verdict"


def number_text(value: float) -> str:
    """Four significant digits; infinities as signs, NaN as a dash."""
    if value is None or np.isnan(value):
        return "–"
    if np.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:.4g}".replace("-", "−")


def verdict(
    rows: Sequence[Row], tested: Comparisons, metric: str | None, direction: str, obstacle: str = "", unmet: str = ""
) -> list[str]:
    """Return sentences, the main one first.

    ``obstacle`` is a reason for which the methods cannot be compared at all, and ``unmet`` the sweep's criterion of
    success in words, where no run meets it.
    """
    ranked = [row for row in rows if row.rank is not None]
    failures = _failures(rows, direction)
    if not any(row.group.runs for row in rows):
        return ["No verdict: there is no run yet."]
    if metric is None or not ranked:
        return ["No verdict: no finished run has a metric yet.", *failures]
    if all(row.worst for row in ranked):
        return [_none_succeeded(ranked, metric, direction), *failures]
    nothing = [f"No run succeeded: none ends with {unmet}."] if unmet else []
    if obstacle:
        return [*nothing, f"No verdict: {obstacle}", *failures]
    if not tested.shown:
        return [*nothing, *_nothing_to_compare(ranked, metric), *failures]
    return [*nothing, *_main(ranked, tested, metric, direction), *failures]


def _none_succeeded(ranked: Sequence[Row], metric: str, direction: str) -> str:
    limit = _limit(ranked, metric, direction)
    value, failed = number_text(limit), any(row.failed for row in ranked)
    if np.isinf(limit):
        return f"No run succeeded: none ended with a finite {metric}."
    return (
        f"No run succeeded: every run {'failed or ' if failed else ''}ended with {metric} {value}, the worst there is."
    )


def _limit(ranked: Sequence[Row], metric: str, direction: str) -> float:
    return worst_there_is(metric, direction, [run for row in ranked for run in row.group.runs])


def _nothing_to_compare(ranked: Sequence[Row], metric: str) -> list[str]:
    best = ranked[0]
    if len(ranked) == 1:
        value = number_text(best.median)
        result = f"a median {metric} of {value} ({_seeds(best.counted)})"
        return [f"One method, nothing to compare: {best.group.name} has {result}."]
    leads = f"{best.group.name} has the best median {metric}, but no seed in common with the others"
    return [f"No comparison, {TOO_FEW}: {leads}."]


def _main(ranked: Sequence[Row], tested: Comparisons, metric: str, direction: str) -> list[str]:
    best, comparisons = ranked[0], tested.shown
    leads = _leads(ranked, metric, direction)
    if tested.too_few:
        return [f"{leads}, but {TOO_FEW}.", _too_few(tested)]
    sentences = [leads + "."]
    others = [item for item in comparisons if item.first == best.group.name]
    sentences += _against(best.group.name, others)
    against = [item for item in comparisons if item.first != best.group.name]
    if against:
        sentences.append(f"Against the baseline {against[0].second}: " + "; ".join(map(_one, against)) + ".")
    return sentences


def _leads(ranked: Sequence[Row], metric: str, direction: str) -> str:
    """Who is ahead: all that tie, and what puts them in order; nobody where the best median is the worst there is."""
    best = ranked[0]
    value = number_text(best.median)
    if best.median in (_limit(ranked, metric, direction), worst(direction)):
        ends = [(row.high if direction == "max" else -row.low, row.group.name) for row in ranked]
        highest, name = max(ends, key=lambda end: end[0])
        end = number_text(highest if direction == "max" else -highest)
        no_better = f"no median {metric} is better than {value}; the best run is one of {name} with {end}"
        return f"No method succeeds in more than half of its seeds ({no_better})"
    ties = [row for row in ranked if row.median == best.median]
    if len(ties) == 1:
        return f"{best.group.name} has the best median {metric} ({value}, {_seeds(best.counted)})"
    first = [row.group.name for row in ties if row.rank == best.rank]
    names = _all([row.group.name for row in ties])
    if len(first) == len(ties):
        return f"{names} share the best median {metric} ({value})"
    second = next(row for row in ties if row.rank != best.rank)
    breaker = next(name for name in best.breaks if str(best.breaks[name]) != str(second.breaks.get(name)))
    come = f"{_all(first)} {'comes' if len(first) == 1 else 'come'} first by {breaker}"
    return f"{names} tie at the best median {metric} ({value}); {come} ({number_text(best.breaks[breaker])})"


def _too_few(tested: Comparisons) -> str:
    pairs = max(item.pairs for item in tested.shown)
    needed = max(seeds_needed(tested.methods, LEVEL), pairs + 1)
    among = f" and {tested.methods} methods" if tested.methods > 2 else ""
    return (
        f"With {_seeds(pairs)} in common{among} the smallest possible p is {tested.smallest:.3g}; "
        f"{needed} seeds are needed for a difference to show at {LEVEL}."
    )


def _against(best: str, others: Sequence[Comparison]) -> list[str]:
    beaten = [item.second for item in others if item.better == best]
    lost_to = [item.second for item in others if item.better == item.second]
    open_ones = [item.second for item in others if not item.better]
    sentences = []
    if beaten:
        sentences.append(f"{best} is better than {_list(beaten)} (paired by seed, p ≤ {LEVEL} over all pairs).")
    if lost_to:
        sentences.append(f"Seed by seed it is nevertheless worse than {_list(lost_to)} (p ≤ {LEVEL}).")
    if open_ones:
        sentences.append(f"No difference is shown between {best} and {_list(open_ones)}.")
    return sentences


def _one(item: Comparison) -> str:
    if not item.better:
        return f"{item.first} no difference shown"
    return f"{item.first} is {'better' if item.better == item.first else 'worse'} (p = {item.p_family:.2g})"


def _failures(rows: Sequence[Row], direction: str) -> list[str]:
    """Report failed and unfinished runs: counted, named, never dropped silently."""
    sentences = []
    failed = [f"{row.group.name} ({_kinds(row)} of {len(row.group.runs)})" for row in rows if row.failed]
    if failed:
        sentences.append(
            f"Failed runs: {_list(failed)}. Each counts as the worst possible outcome "
            f"({number_text(worst(direction))}) in medians and tests."
        )
    unfinished = sum(row.unfinished for row in rows)
    if unfinished:
        verb = "run is" if unfinished == 1 else "runs are"
        sentences.append(f"{unfinished} {verb} unfinished or unreadable and left out of the ranking.")
    return sentences


def _kinds(row: Row) -> str:
    parts = [f"{row.diverged} diverged" if row.diverged else "", f"{row.crashed} crashed" if row.crashed else ""]
    return ", ".join(part for part in parts if part)


def _seeds(count: int) -> str:
    return f"{count} seed" if count == 1 else f"{count} seeds"


def _list(names: Sequence[str]) -> str:
    if len(names) > _MOST_NAMES:
        names = [*names[:_NAMED], f"{len(names) - _NAMED} others"]
    return _all(names)


def _all(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def obstacle(groups: Sequence[Group], metric: str | None) -> str:
    """Return why the metrics cannot be compared: other data, or measured in other ways; else nothing."""
    datasets = {group.dataset for group in groups}
    if len(datasets) > 1:
        return f"the runs use {len(datasets)} different data sets or settings of them; compare methods within one."
    runs = [run for group in groups for run in group.runs]
    ways = {_measurement(run.provenance[metric]) for run in runs if metric in run.provenance} if metric else set()
    if len(ways) > 1:
        return f"{metric} was measured in {len(ways)} different ways; see their provenance."
    return ""


def _measurement(facts: Config) -> frozenset[tuple[str, str]]:
    return frozenset((key, repr(value)) for key, value in flatten(facts).items())


def notes(groups: Sequence[Group]) -> list[str]:
    """Return what a reader should know before comparing: runs of different length, several runs of one seed."""
    lines = []
    lengths = sorted({run.iteration for group in groups for run in group.runs if run.completed and run.iteration})
    if len(lengths) > 1:
        listed = ", ".join(map(str, lengths[:6])) + (", …" if len(lengths) > 6 else "")
        lines.append(
            f"The completed runs ended at different iterations ({listed}): their finals are not of equal training."
        )
    twice = [group.name for group in groups if _repeats(group)]
    if twice:
        lines.append(
            f"Of {_list(twice)} there are several runs of one seed: medians count all of them, comparisons the first."
        )
    return lines


def _repeats(group: Group) -> bool:
    seeds = [run.seed for run in group.runs if run.seed is not None]
    return len(seeds) > len(set(seeds))
