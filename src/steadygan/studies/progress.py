"""A bar for a study that takes long."""

from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn


def track(parts: Iterable[list[Any]], total: int, what: str) -> Iterator[Any]:
    """The items of all ``parts``, with a bar on stderr that counts the parts, their rate and what is left."""
    columns = [SpinnerColumn(), TextColumn("{task.description} {task.completed}/{task.total}"), TimeElapsedColumn(),
               TextColumn("left"), TimeRemainingColumn()]  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        for part in parts:
            yield from part
            progress.advance(task)
