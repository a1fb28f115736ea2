"""A bar with rate and remaining time for what is done once to data; plain lines where there is no terminal."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from steadygan.common.pace import Pace

PATIENCE = 1.0
"""Seconds before anything is shown: most waits are shorter."""

INTERVAL = 15.0
"""Seconds between lines where there is no terminal."""


def amount(done: float, total: float, speed: float | None, unit: str) -> str:
    """Return how far it is and how fast it goes, ``12,000 of 162,770 images, 1,500/s``; bytes in MB."""
    if unit == "bytes":
        done, total, speed, unit = done / 1e6, total / 1e6, None if speed is None else speed / 1e6, "MB"
    return f"{done:,.0f} of {total:,.0f} {unit}" + (f", {speed:,.0f}/s" if speed else "")


@contextmanager
def show_progress(text: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """Yield ``step(n)``, which is called with every ``n`` that are done, from any thread.

    Args:
        text: what is done.
        total: how many there are to do.
        unit: what is counted; "bytes" are shown as MB.
    """
    console = Console(stderr=True, file=sys.stderr)
    columns = [
        TextColumn(f"{{task.{name}}}", table_column=Column(no_wrap=True)) for name in ("description", "fields[amount]")
    ]
    bar = Progress(columns[0], BarColumn(), columns[1], TimeRemainingColumn(), console=console, transient=True)
    began = reported_at = time.monotonic()
    pace, lock = Pace(), threading.Lock()
    pace.add(0, began)
    task = bar.add_task(text, total=total, amount="")
    done = 0

    def step(count: int) -> None:
        nonlocal done, reported_at
        with lock:
            done += count
            now = time.monotonic()
            pace.add(done, now)
            shown = amount(done, total, pace.rate(now), unit)
            bar.update(task, completed=done, amount=shown)
            if console.is_terminal and not bar.live.is_started and now - began > PATIENCE:
                bar.start()
            elif not console.is_terminal and now - reported_at > INTERVAL:
                reported_at = now
                rate = pace.rate(now)
                left = f", {(total - done) / rate / 60:.0f} min left" if rate else ""
                console.print(Text(f"{text}: {shown}{left}"), soft_wrap=True)

    try:
        yield step
    finally:
        if bar.live.is_started:
            bar.stop()
