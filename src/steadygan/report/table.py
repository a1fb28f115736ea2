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
    table = Table(title=Text(f"{metric}, {arrow}") if metric else None, title_justify="left", padding=(0, 1, 0, 0))
    table.add_column("#", justify="right")
    table.add_column(
        "method", overflow="fold", min_width=min(max((len(row.group.name) for row in rows), default=6), 36)
    )
    unfinished = any(row.unfinished for row in rows)
    names = ["median", "range", "best", "area", "seeds", "lost", *(["unfinished"] if unfinished else [])]
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        cells = {
            "median": number_text(row.median),
            "range": f"{number_text(row.low)} to {number_text(row.high)}" if row.counted else "–",
            "best": number_text(row.best),
            "area": number_text(row.area),
            "seeds": str(row.counted),
            "lost": Text(str(row.lost), style="bold red" if row.lost else ""),
            "unfinished": str(row.unfinished),
        }
        table.add_row(str(row.rank or "–"), Text(row.group.name), *(cells[name] for name in names))
    console.print(table)
    for sentence in verdict:
        console.print(Text(sentence))
