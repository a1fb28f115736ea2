"""A bar for a study that takes long."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

T = TypeVar("T")


def track(parts: Iterable[list[T]], total: int, what: str) -> Iterator[T]:
    """Yield the items of all ``parts``, with a bar on stderr that counts the parts, their rate and what is left."""
    columns = [SpinnerColumn(), TextColumn("{task.description} {task.completed}/{task.total}"), TimeElapsedColumn(),
               TextColumn("left"), TimeRemainingColumn()]  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        for part in parts:
            yield from part
            progress.advance(task)


@contextmanager
def stages() -> Iterator[Callable[[str], Callable[[], None]]]:
    """For work of unknown length: ``stage(what)`` begins a part of it, and gives what is called at each small step."""
    columns = [SpinnerColumn(), TextColumn("{task.description}: {task.completed}"), TimeElapsedColumn()]
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:

        def stage(what: str) -> Callable[[], None]:
            for task in progress.task_ids:
                progress.remove_task(task)
            task = progress.add_task(what, total=None)
            return lambda: progress.advance(task)

        yield stage
