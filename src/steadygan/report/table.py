"""The ranking on the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from steadygan.report.reached import Reached
from steadygan.report.shares import Share, percent
from steadygan.report.statistics import Row, tie_breaks
from steadygan.report.verdict import number_text

_MOST_ROWS, _BEST = 40, 10
_FOLDS = 36
"""Characters of a method's name from which on it may be folded."""

_WIDE = 1000
"""Columns of a terminal on which everything fits."""

_SPARED = ("gap", "area", "best")
"""Columns that are left to the page and to ``results.csv`` where the terminal is too narrow for all."""


def show_shares(console: Console, family_shares: Sequence[Share], threshold: str) -> None:
    """The share of settings that meet the success criterion, the largest first."""
    title = Text(f"success criterion: {threshold}")
    table = Table(title=title, title_justify="left", padding=(0, 1, 0, 0))
    table.add_column("method", overflow="fold", min_width=min(max(len(each.name) for each in family_shares), _FOLDS))
    names = [
        "settings",
        "meet it",
        "share",
        "95 % interval",
        "diverged",
        *(["open"] if any(x.open for x in family_shares) else []),
    ]
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for each in family_shares:
        cells = [
            str(each.total),
            str(each.succeeded),
            percent(each.share),
            f"{percent(each.low)} to {percent(each.high)}",
        ]
        table.add_row(Text(each.name), *cells, str(each.diverged), *([str(each.open)] if "open" in names else []))
    console.print(table)


def show_reached(console: Console, lines: Sequence[Reached]) -> None:
    """When thresholds were first met."""
    table = Table(title=Text("first met"), title_justify="left", padding=(0, 1, 0, 0))
    table.add_column("threshold", no_wrap=True)
    table.add_column("method", overflow="fold", min_width=min(max(len(each.method) for each in lines), _FOLDS))
    for name in ("seeds", "iteration", "images", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in lines[:_MOST_ROWS]:
        when = (number_text(value) for value in (each.iteration, each.images, each.seconds))
        table.add_row(Text(each.bound), Text(each.method), f"{each.met} of {each.known}", *when)
    console.print(table)
    if len(lines) > _MOST_ROWS:
        console.print(Text(f"and {len(lines) - _MOST_ROWS} more: results.csv"))


def _ranking(rows: Sequence[Row], names: Sequence[str], title: str | None, longest: int) -> Table:
    table = Table(title=Text(title) if title else None, title_justify="left", padding=(0, 1, 0, 0))
    table.add_column("#", justify="right")
    table.add_column("method", overflow="fold", min_width=min(longest, _FOLDS))
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        cells = {
            "median": number_text(row.median),
            "range": f"{number_text(row.low)} to {number_text(row.high)}" if row.counted else "–",
            "best": number_text(row.best),
            "gap": number_text(row.gap),
            "area": number_text(row.area),
            "seeds": str(row.counted),
            "fail": Text(str(row.failed), style="bold red" if row.failed else ""),
            "unfinished": str(row.unfinished),
            **{name: number_text(value) for name, value in row.breaks.items()},
        }
        table.add_row(str(row.rank or "–"), Text(row.group.name), *(cells.get(name, "–") for name in names))
    return table


def _fits(console: Console, table: Table, longest: int) -> bool:
    """Return whether no cell has to be cut; the ``longest`` method may fold."""
    wanted = Measurement.get(console, console.options.update(max_width=_WIDE), table).maximum
    return wanted - max(longest - _FOLDS, 0) <= console.width


def show_table(
    console: Console,
    rows: Sequence[Row],
    metric: str | None,
    direction: str,
    verdict: Sequence[str],
    total: int | None = None,
) -> None:
    """The best methods in order, then the verdict. Names are plain text: no markup is read from them.

    Args:
        console: where to.
        rows: the ranking.
        metric: that is ranked.
        direction: of it.
        verdict: sentences.
        total: number of methods, where ``rows`` are only the best of them.
    """
    total = total or len(rows)
    rows = rows if total <= _MOST_ROWS else rows[:_BEST]
    arrow = "higher is better" if direction == "max" else "lower is better"
    unfinished = any(row.unfinished for row in rows)
    longest = max((len(row.group.name) for row in rows), default=6)
    names = [
        "median",
        *tie_breaks(rows),
        "range",
        "best",
        "gap",
        "area",
        "seeds",
        "fail",
        *(["unfinished"] if unfinished else []),
    ]
    title = f"{metric}, {arrow}" if metric else None
    table = _ranking(rows, names, title, longest)
    for name in _SPARED if tie_breaks(rows) else _SPARED[:2]:
        if not _fits(console, table, longest):
            names.remove(name)
            table = _ranking(rows, names, title, longest)
    console.print(table)
    if total > len(rows):
        console.print(Text(f"and {total - len(rows)} more: results.csv"))
    for sentence in verdict:
        console.print(Text(sentence))
