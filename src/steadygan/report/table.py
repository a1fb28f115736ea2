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
    """Print the share of settings that meet the success criterion, the largest first."""
    names = ["settings", "meet it", "share", "95 % interval", "diverged"]
    names += ["open"] if any(each.open for each in family_shares) else []
    table = _table(f"success criterion: {threshold}", names, [each.name for each in family_shares])
    for each in family_shares:
        interval = f"{percent(each.low)} to {percent(each.high)}"
        cells = [each.total, each.succeeded, percent(each.share), interval, each.diverged, each.open]
        table.add_row(Text(each.name), *map(str, cells[: len(names)]))
    console.print(table)


def show_reached(console: Console, lines: Sequence[Reached]) -> None:
    """Print when thresholds were first met."""
    names = ["seeds", "iteration", "images", "seconds"]
    table = _table("first met", names, [each.method for each in lines], before=["threshold"])
    for each in lines[:_MOST_ROWS]:
        when = (number_text(value) for value in (each.iteration, each.images, each.seconds))
        table.add_row(Text(each.bound), Text(each.method), f"{each.met} of {each.known}", *when)
    console.print(table)
    _print_rest(console, len(lines) - _MOST_ROWS)


def _table(title: str | None, names: Sequence[str], methods: Sequence[str], before: Sequence[str] = ()) -> Table:
    """Return a table of methods with columns of numbers, and others in front."""
    table = Table(title=Text(title) if title else None, title_justify="left", padding=(0, 1, 0, 0))
    for name in before:
        table.add_column(name, justify="right" if name == "#" else "left", no_wrap=True)
    table.add_column("method", overflow="fold", min_width=min(max(map(len, methods), default=6), _FOLDS))
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _print_rest(console: Console, count: int) -> None:
    if count > 0:
        console.print(Text(f"and {count} more: results.csv"))


def _ranking(rows: Sequence[Row], names: Sequence[str], title: str | None) -> Table:
    table = _table(title, names, [row.group.name for row in rows], before=["#"])
    for row in rows:
        cells = {
            **{name: number_text(getattr(row, name)) for name in ("median", "best", "gap", "area")},
            "range": f"{number_text(row.low)} to {number_text(row.high)}" if row.counted else "–",
            "seeds": str(row.counted),
            "fail": Text(str(row.failed), style="bold red" if row.failed else ""),
            "unfinished": str(row.unfinished),
            **{name: number_text(value) for name, value in row.breaks.items()},
        }
        table.add_row(str(row.rank or "–"), Text(row.group.name), *(cells.get(name, "–") for name in names))
    return table


def _fits(console: Console, table: Table, rows: Sequence[Row]) -> bool:
    """Return whether no cell has to be cut; the longest method may fold."""
    wanted = Measurement.get(console, console.options.update(max_width=_WIDE), table).maximum
    longest = max((len(row.group.name) for row in rows), default=0)
    return wanted - max(longest - _FOLDS, 0) <= console.width


def show_table(
    console: Console, rows: Sequence[Row], metric: str | None, direction: str, verdict: Sequence[str], total: int
) -> None:
    """Print the best of ``total`` methods in order, then the verdict; no markup is read in names."""
    rows = rows if total <= _MOST_ROWS else rows[:_BEST]
    names = ["median", *tie_breaks(rows), "range", "best", "gap", "area", "seeds", "fail"]
    names += ["unfinished"] if any(row.unfinished for row in rows) else []
    title = f"{metric}, {'higher' if direction == 'max' else 'lower'} is better" if metric else None
    table = _ranking(rows, names, title)
    for name in _SPARED if tie_breaks(rows) else _SPARED[:2]:
        if not _fits(console, table, rows):
            names.remove(name)
            table = _ranking(rows, names, title)
    console.print(table)
    _print_rest(console, total - len(rows))
    for sentence in verdict:
        console.print(Text(sentence))
