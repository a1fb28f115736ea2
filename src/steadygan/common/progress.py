"""A bar with rate and remaining time for what is done once to data; plain lines where there is no terminal."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from steadygan.common.pace import Pace

PATIENCE = 1.0
"""Seconds before anything is shown: most waits are shorter."""

INTERVAL = 15.0
"""Seconds between lines where there is no terminal."""


class _Amount(ProgressColumn):
    """``12,000 of 162,770 images, 1,500/s``."""

    def __init__(self, unit: str) -> None:
        super().__init__(Column(no_wrap=True))
        self.unit = unit

    def render(self, task: Task) -> Text:
        return Text(amount(task.completed, task.total or 0, task.speed, self.unit))


def amount(done: float, total: float, speed: float | None, unit: str) -> str:
    """Return how far it is and how fast it goes; bytes in MB."""
    if unit == "bytes":
        done, total, speed, unit = done / 1e6, total / 1e6, None if speed is None else speed / 1e6, "MB"
    return f"{done:,.0f} of {total:,.0f} {unit}" + (f", {speed:,.0f}/s" if speed else "")


@contextmanager
def progress(text: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """Yields ``step(n)``, to be told of every ``n`` that are done, from any thread.

    Args:
        text: what is done.
        total: how many there are to do.
        unit: what is counted; "bytes" are shown as MB.
    """
    console = Console(stderr=True, file=sys.stderr)
    shown = _Shown(text, total, unit, console)
    try:
        yield shown.step
    finally:
        shown.end()


class _Shown:
    def __init__(self, text: str, total: int, unit: str, console: Console) -> None:
        self.text, self.total, self.unit, self.console = text, total, unit, console
        self.began = self.reported_at = time.monotonic()
        self.pace = Pace()
        self.pace.add(0, self.began)
        self.done, self.lock = 0, threading.Lock()
        self.bar: Progress | None = None

    def step(self, count: int) -> None:
        with self.lock:
            self.done += count
            now = time.monotonic()
            self.pace.add(self.done, now)
            if self.console.is_terminal:
                self._draw(now)
            elif now - self.reported_at > INTERVAL:
                self.reported_at = now
                self._say(self.pace.rate(now))

    def _draw(self, now: float) -> None:
        if self.bar is None and now - self.began > PATIENCE:
            text = TextColumn("{task.description}", table_column=Column(no_wrap=True))
            columns = text, BarColumn(), _Amount(self.unit), TimeRemainingColumn()
            self.bar = Progress(*columns, console=self.console, transient=True)
            self.bar.start()
            self.task = self.bar.add_task(self.text, total=self.total)
        if self.bar is not None:
            self.bar.update(self.task, completed=self.done)

    def _say(self, speed: float | None) -> None:
        left = f", {(self.total - self.done) / speed / 60:.0f} min left" if speed else ""
        line = f"{self.text}: {amount(self.done, self.total, speed, self.unit)}{left}"
        self.console.print(Text(line), soft_wrap=True)

    def end(self) -> None:
        if self.bar is not None:
            self.bar.stop()
