"""The main metric against the numbers that were swept."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from steadygan.report.groups import Group, common_words, family, swept_numbers
from steadygan.report.statistics import outcomes
from steadygan.statistics.medians import median


@dataclass(frozen=True)
class Line:
    """One family's outcomes along a swept number: ``values[i]`` are the seeds' finals at ``x[i]``."""

    name: str
    x: tuple[float, ...]
    values: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Sweep1:
    """One swept number. ``reference``: the families that do not have it, by name, with their outcomes."""

    key: str
    axis: str
    lines: tuple[Line, ...]
    reference: dict[str, np.ndarray]

    def everything(self) -> np.ndarray:
        """Return all outcomes that are drawn."""
        along = (values for line in self.lines for values in line.values)
        return np.concatenate([np.empty(0), *along, *self.reference.values()])


@dataclass(frozen=True)
class Sweep2:
    """Two swept numbers: ``grid[row of y, column of x]`` medians, NaN where nothing is known.

    ``scale``: the ends of the colours, those of all maps that are shown together; None where no median is finite.
    """

    name: str
    x_key: str
    y_key: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    grid: np.ndarray
    scale: tuple[float, float] | None = None


def axis_kind(values: Sequence[float]) -> str:
    """Return ``log`` for positive values over more than 2 decades or spaced by a constant factor, else ``linear``.

    ``category`` for such values with a zero among them.
    """
    ordered = np.unique(np.asarray(values, dtype=float))
    positive = ordered[ordered > 0]
    if len(positive) < 2 or np.any(ordered < 0) or not _logarithmic(positive):
        return "linear"
    return "category" if len(positive) < len(ordered) else "log"


def _logarithmic(ordered: np.ndarray) -> bool:
    if ordered[-1] / ordered[0] > 100:
        return True
    ratios = ordered[1:] / ordered[:-1]
    return len(ordered) >= 3 and bool(np.allclose(ratios, ratios[0], rtol=0.02)) and ratios[0] >= 1.4


def sweeps(
    groups: Sequence[Group], metric: str, direction: str, named: Sequence[str] = ()
) -> tuple[list[Sweep1], list[Sweep2]]:
    """One plot for each swept number (over all else), and a heat map a family when there are exactly two."""
    twins = swept_numbers(list(groups), named)
    keys = list(twins)
    by_name = {group.name: outcomes(group, metric, direction) for group in groups}
    lines = [_along(key, twins[key], groups, by_name) for key in keys]
    maps = _maps(keys, [key for both in twins.values() for key in both], groups, by_name) if len(keys) == 2 else []
    return lines, maps


def _families(groups: Sequence[Group], keys: Sequence[str]) -> list[list[Group]]:
    members: dict[object, list[Group]] = {}
    for group in groups:
        members.setdefault(family(group, keys), []).append(group)
    return list(members.values())


def _family_name(members: Sequence[Group]) -> str:
    """Return what the names of the members have in common, or the first one's."""
    common = common_words([group.name for group in members])
    return common or (members[0].method if len({group.method for group in members}) == 1 else "")


def _along(key: str, twins: Sequence[str], groups: Sequence[Group], by_name: dict[str, np.ndarray]) -> Sweep1:
    lines, reference = [], {}
    for members in _families(groups, twins):
        having = sorted((each for each in members if key in each.settings), key=lambda group: group.number(key))
        if len(having) < 2:
            reference |= {group.name: by_name[group.name] for group in members}
            continue
        x = tuple(group.number(key) for group in having)
        lines.append(Line(_family_name(having), x, tuple(by_name[group.name] for group in having)))
    values = [value for line in lines for value in line.x]
    return Sweep1(key, axis_kind(values), tuple(lines), reference)


def _maps(
    keys: Sequence[str], twins: Sequence[str], groups: Sequence[Group], by_name: dict[str, np.ndarray]
) -> list[Sweep2]:
    x_key, y_key = keys
    maps = []
    for members in _families(groups, twins):
        members = [group for group in members if x_key in group.settings and y_key in group.settings]
        x = sorted({group.number(x_key) for group in members})
        y = sorted({group.number(y_key) for group in members})
        if len(x) < 2 or len(y) < 2:
            continue
        grid = np.full((len(y), len(x)), np.nan)
        for group in members:
            grid[y.index(group.number(y_key)), x.index(group.number(x_key))] = median(by_name[group.name])
        maps.append(Sweep2(_family_name(members), x_key, y_key, tuple(x), tuple(y), grid))
    scale = span([item.grid for item in maps])
    return [replace(item, scale=scale) for item in maps]


def span(arrays: Sequence[np.ndarray]) -> tuple[float, float] | None:
    """Return the smallest and the largest finite value of them all; None without any."""
    values = np.concatenate([array[np.isfinite(array)] for array in arrays] or [np.empty(0)])
    return (float(values.min()), float(values.max())) if len(values) else None
