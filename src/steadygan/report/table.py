"""The ranking on the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from steadygan.report.statistics import Row
from steadygan.report.verdict import number_text


def show_table(
    console: Console, rows: Sequence[Row], metric: str | None, direction: str, verdict: Sequence[str]
) -> None:
    """The methods in order, then the verdict. Names are plain text: no markup is read from them."""
    arrow = "higher is better" if direction == "max" else "lower is better"
    table = Table(title=Text(f"{metric}, {arrow}") if metric else None, title_justify="left")
    table.add_column("#", justify="right")
    table.add_column("method", overflow="fold")
    for name in ("median", "range", "best", "area", "seeds", "lost", "unfinished"):
        table.add_column(name, justify="right", no_wrap=name != "range")
    for row in rows:
        table.add_row(
            str(row.rank or "–"),
            Text(row.group.name),
            number_text(row.median),
            f"{number_text(row.low)} to {number_text(row.high)}" if row.counted else "–",
            number_text(row.best),
            number_text(row.area),
            str(row.counted),
            Text(str(row.lost), style="bold red" if row.lost else ""),
            str(row.unfinished),
        )
    console.print(table)
    for sentence in verdict:
        console.print(Text(sentence))
