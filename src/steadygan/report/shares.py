"""The share of settings that meet the success criterion: the bounds of a sweep's ``threshold``.

A run meets it if its final metrics are within all bounds; a failed one (diverged or crashed) does not. A *setting* is
what runs share that differ in no more than the seed; it succeeds if more than half of its seeds do. The interval says
what the share could be among all settings of which those of the grid were a random sample. Neighbours on a grid are
alike, so this is the interval of a cautious reader.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from steadygan.report.collect import Run
from steadygan.report.groups import Group, common_words, family, swept_numbers
from steadygan.report.statistics import direction_of, outcome, stated_direction
from steadygan.runs.threshold import Bound
from steadygan.statistics.medians import median
from steadygan.statistics.proportion import proportion_interval


def meets_threshold(run: Run, threshold: Sequence[Bound]) -> bool | None:
    """Return whether a run ended within all bounds; None while that is not known (unfinished, not measured)."""
    if run.failed:
        return False
    return within_all(run, threshold, lambda metric: outcome(run, metric, direction_of(metric, [run])))


def within_all(run: Run, threshold: Sequence[Bound], value: Callable[[str], float]) -> bool | None:
    """Return whether the ``value`` of each metric is within its bound; None while that is not known."""
    verdicts = [_within(run, bound, value(bound.metric)) for bound in threshold]
    if False in verdicts:
        return False
    return None if None in verdicts or not verdicts else True


def _within(run: Run, bound: Bound, value: float) -> bool | None:
    limit = bound.limit(run.most.get(bound.metric))
    if np.isnan(value):
        return None
    if np.isinf(value):
        return False
    if limit is None:
        return None
    return value >= limit if direction_of(bound.metric, [run]) == "max" else value <= limit


@dataclass(frozen=True)
class Setting:
    """One setting: how many of its seeds have ended, and of these how many succeeded or failed.

    ``score`` is the median of the first bound's metric, as a share of the largest value it can have if that is
    known; infinite for failed runs, NaN where nothing is known.
    """

    group: Group
    ended: int
    succeeded: int
    failed: int
    score: float

    @property
    def succeeds(self) -> bool:
        """Whether more than half of the seeds do."""
        return 2 * self.succeeded > self.ended

    @property
    def diverged(self) -> bool:
        """Whether at least half of the seeds failed."""
        return self.ended > 0 and 2 * self.failed >= self.ended


@dataclass(frozen=True)
class Share:
    """A family of settings that differ in nothing but swept numbers: ``succeeded`` of ``total`` with an end known.

    ``low`` and ``high`` are the ends of the interval; all three shares are NaN while nothing is known.
    """

    name: str
    settings: tuple[Setting, ...]
    succeeded: int
    total: int
    diverged: int
    open: int
    share: float
    low: float
    high: float


def setting(group: Group, threshold: Sequence[Bound]) -> Setting:
    """Summarise the seeds of a group."""
    verdicts = [meets_threshold(run, threshold) for run in group.runs]
    ended = [run for run, verdict in zip(group.runs, verdicts) if verdict is not None]
    metric = threshold[0].metric
    direction = direction_of(metric, group.runs)
    values = [outcome(run, metric, direction) / run.most.get(metric, 1.0) for run in ended]
    return Setting(
        group=group,
        ended=len(ended),
        succeeded=sum(verdict is True for verdict in verdicts),
        failed=sum(run.failed for run in ended),
        score=median(np.array([value for value in values if not np.isnan(value)])),
    )


def shares(groups: Sequence[Group], threshold: Sequence[Bound], named: Sequence[str] = ()) -> list[Share]:
    """Return a share for each family of settings, in the order of their names; none without a threshold."""
    if not threshold:
        return []
    keys = [key for both in swept_numbers(list(groups), named).values() for key in both]
    families: dict[object, list[Group]] = {}
    for group in groups:
        families.setdefault(family(group, keys), []).append(group)
    names = _names(list(families.values()))
    return [_share(name, members, threshold) for name, members in zip(names, families.values())]


def _names(families: Sequence[Sequence[Group]]) -> list[str]:
    """Return what the names of a family's members have in common, numbered where two families have the same."""
    names: list[str] = []
    for members in families:
        name = common_words([group.name for group in members]) or "all settings"
        times = sum(other == name or other.startswith(f"{name} (") for other in names)
        names.append(f"{name} ({times + 1})" if times else name)
    return names


def _share(name: str, members: Sequence[Group], threshold: Sequence[Bound]) -> Share:
    settings = tuple(setting(group, threshold) for group in members)
    known = [each for each in settings if each.ended]
    succeeded, diverged = sum(each.succeeds for each in known), sum(each.diverged for each in known)
    share = succeeded / len(known) if known else np.nan
    interval = proportion_interval(succeeded, len(known))
    return Share(name, settings, succeeded, len(known), diverged, len(settings) - len(known), share, *interval)


def ranked(family_shares: Sequence[Share]) -> list[Share]:
    """Return the largest share first."""
    return sorted(family_shares, key=lambda each: (np.isnan(each.share), -each.share if each.total else 0.0, each.name))


def words(threshold: Sequence[Bound], runs: Sequence[Run]) -> str:
    """Return ``modes ≥ 90 % and high_quality ≥ 0.8``."""
    return " and ".join(bound.words(stated_direction(bound.metric, runs)) for bound in threshold)


def measured(threshold: Sequence[Bound], runs: Sequence[Run]) -> Sequence[Bound]:
    """Return the threshold, or none of it where runs have scores but not of all its metrics (those of other data)."""
    scored = {name for run in runs for name in run.scores}
    return threshold if not scored or all(bound.metric in scored for bound in threshold) else ()


def unmet(groups: Sequence[Group], threshold: Sequence[Bound]) -> str:
    """Return the threshold in words where runs have ended and none of them meets it, else nothing."""
    runs = [run for group in groups for run in group.runs]
    verdicts = {meets_threshold(run, threshold) for run in runs} - {None}
    return words(threshold, runs) if verdicts == {False} else ""


def percent(share: float) -> str:
    """Return ``48 %``."""
    return "–" if np.isnan(share) else f"{100 * share:.0f} %"


def sentences(family_shares: Sequence[Share], threshold: Sequence[Bound], runs: Sequence[Run]) -> list[str]:
    """Return the best family of each data set, and what prevents a verdict."""
    relative = [bound.metric for bound in threshold if bound.percent]
    if missing := [name for name in relative if any(name in run.scores and name not in run.most for run in runs)]:
        unknown = "Whether runs meet the success criterion is not known"
        return [f"{unknown}: the largest possible value of {', '.join(missing)} was not recorded."]
    by_data: dict[Hashable, list[Share]] = {}
    for each in ranked(family_shares):
        if each.total:
            by_data.setdefault(each.settings[0].group.dataset, []).append(each)
    best = [[each for each in shares if each.share == shares[0].share] for shares in by_data.values()]
    lines = [_leaders(leaders) for leaders in best if leaders[0].succeeded]
    if best and not lines:
        return ["No setting meets the success criterion."]
    return [f"The largest share of settings meets the success criterion with {'; '.join(lines)}."] if lines else []


def _leaders(leaders: Sequence[Share]) -> str:
    first = leaders[0]
    names = " and ".join(filter(None, [", ".join(each.name for each in leaders[:-1]), leaders[-1].name]))
    each = " each" if len(leaders) > 1 else ""
    return (
        f"{names} ({first.succeeded} of {first.total}, {percent(first.share)}{each}; "
        f"95 % interval {percent(first.low)} to {percent(first.high)})"
    )
