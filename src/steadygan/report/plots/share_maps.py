"""Where in the plane of two swept numbers a method succeeds: the data of the heat maps."""

import itertools
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from steadygan.report.groups import Leaf, common_words, short_keys, show, swept_numbers
from steadygan.report.plots.swept import span
from steadygan.report.shares import Setting, Share

SUCCEEDS, DIVERGED = "●", "×"
"""Marks of a cell: more than half of its seeds succeed; at least half of them diverged or failed."""


@dataclass(frozen=True)
class Panel:
    """One family at one value of all further swept numbers.

    ``score[row of y, column of x]``: the median of the threshold's first metric, NaN where it failed or is not
    known; ``marks`` and ``hover`` are texts of the same shape.
    """

    title: str
    score: np.ndarray
    marks: np.ndarray
    hover: np.ndarray


@dataclass(frozen=True)
class Map:
    """The panels of one method, ``columns`` of them in a row; all have the same axes.

    ``relative``: the scores are shares of the largest value that ``metric`` can have.
    ``scale``: the ends of the colours, the same for all maps that are shown together.
    """

    name: str
    metric: str
    relative: bool
    x_key: str
    y_key: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    columns: int
    panels: tuple[Panel, ...]
    scale: tuple[float, float] = (0.0, 1.0)


def maps(family_shares: Sequence[Share], metric: str, named: Sequence[str] = ()) -> list[Map]:
    """Return a map for each method, over the first two swept numbers in the order of ``named``.

    What has no name ``method=`` is a method by itself. None where fewer than two numbers were swept.
    """
    groups = [each.group for share in family_shares for each in share.settings]
    order = list(named)
    keys = sorted(swept_numbers(groups, named), key=lambda key: order.index(key) if key in order else len(order))
    if len(keys) < 2:
        return []
    methods: dict[Hashable, list[Share]] = {}
    for share in family_shares:
        having = share.settings[0].group.settings
        if all(key in having for key in keys[:2]):
            methods.setdefault(having.get("method") or share.name, []).append(share)
    maps = [_map(str(name), members, metric, keys) for name, members in methods.items()]
    return _one_scale([item for item in maps if item.panels])


def _one_scale(drawn: Sequence[Map]) -> list[Map]:
    """Colours that mean the same on all maps: of shares from 0 to 1, else from the least to the largest score."""
    relative = all(item.relative for item in drawn)
    ends = None if relative else span([panel.score for item in drawn for panel in item.panels])
    return [replace(item, relative=relative, scale=ends or (0.0, 1.0)) for item in drawn]


def _map(name: str, members: Sequence[Share], metric: str, keys: Sequence[str]) -> Map:
    settings = [each for share in members for each in share.settings]
    x, y = (tuple(sorted({each.group.number(key) for each in settings})) for key in keys[:2])
    rest = _rest(settings, keys[2:])
    common = common_words([share.name for share in members]).split()
    panels = []
    for share, values in itertools.product(members, rest):
        words = [word for word in share.name.split() if word not in common]
        chosen = [each for each in share.settings if _at(each, keys[2:]) == values]
        if not any(each.ended for each in chosen):
            continue
        title = " ".join([*words, *_says(keys[2:], values, keys)])
        panels.append(_panel(title, chosen, metric, keys[:2], x, y))
    relative = all(metric in run.most for each in settings for run in each.group.runs if metric in run.scores)
    return Map(name, metric, relative, keys[0], keys[1], x, y, min(len(rest), max(len(panels), 1)), tuple(panels))


def _rest(settings: Iterable[Setting], keys: Sequence[str]) -> list[tuple[Leaf, ...]]:
    """Return the combinations of the further numbers that occur, in order."""
    return sorted(
        {_at(each, keys) for each in settings}, key=lambda values: [(value is None, value) for value in values]
    )


def _at(each: Setting, keys: Sequence[str]) -> tuple[Leaf, ...]:
    return tuple(each.group.settings.get(key) for key in keys)


def _says(keys: Sequence[str], values: Sequence[Leaf], among: Sequence[str]) -> list[str]:
    short = short_keys(among)
    return [f"{short[key]}={show(value)}" for key, value in zip(keys, values) if value is not None]


def _panel(
    title: str, settings: Iterable[Setting], metric: str, keys: Sequence[str], x: Sequence[float], y: Sequence[float]
) -> Panel:
    score = np.full((len(y), len(x)), np.nan)
    marks, hover = (np.full(score.shape, "", dtype=object) for _ in range(2))
    for each in settings:
        cell = y.index(each.group.number(keys[1])), x.index(each.group.number(keys[0]))
        score[cell] = each.score if np.isfinite(each.score) else np.nan
        marks[cell] = SUCCEEDS if each.succeeds else DIVERGED if each.diverged else ""
        hover[cell] = _hover(each, metric)
    return Panel(title, score, marks, hover)


def _hover(each: Setting, metric: str) -> str:
    scores = [run.scores.get(metric) for run in each.group.runs]
    finals = ["–" if score is None or score.final is None else f"{score.final:.4g}" for score in scores]
    ends = f"succeeds with {each.succeeded} of {each.ended} seeds" if each.ended else "not finished"
    failures = f", {each.failed} diverged or failed" if each.failed else ""
    return f"{ends}{failures}; final {metric} {', '.join(finals)}"
