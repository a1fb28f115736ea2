"""Progress of a run or a sweep on the terminal; plain lines where there is no terminal."""

import contextlib
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from steadygan.sweeps.pool import Event
from steadygan.sweeps.tally import Named, Progress, Tally, duration, speed

INTERVAL = 15.0
"""Seconds between lines where there is no terminal."""

LATEST = 5
"""Ended jobs that stay in sight."""

RUNNING = 12
"""Running jobs that are shown; a population has many."""

COLOURS = {"completed": "green", "diverged": "yellow", "failed": "red", "preempted": "cyan"}


def unheard() -> contextlib.suppress:
    """Return a context for what is said to a terminal that may be closed, or a pipe that nobody reads: no run ends of
    it.

    Of a broken pipe rich makes a SystemExit.
    """
    return contextlib.suppress(OSError, SystemExit)


class Display(ABC):
    """Live on a terminal; otherwise nothing but what is printed, and a line now and then."""

    def __init__(self, console: Console | None, clock: Callable[[], float]) -> None:
        self.console = console or Console()
        self.clock = clock
        self._live: Live | None = None
        self._line_at = clock()

    @abstractmethod
    def render(self) -> RenderableType:
        """Return the live display."""

    @abstractmethod
    def line(self) -> str:
        """Return the line that is printed now and then."""

    def say(self, text: str) -> None:
        """One line that stays, above what is live; never wrapped where it is not a terminal."""
        with unheard():
            self.console.print(Text(text), soft_wrap=True)

    def tick(self) -> None:
        """Print the line, if it is time."""
        if not self.console.is_terminal and self.clock() - self._line_at >= INTERVAL:
            self._line_at = self.clock()
            self.say(self.line())

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live = Live(console=self.console, get_renderable=self.render, refresh_per_second=4, transient=True)
            with unheard():
                self._live.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live:
            with unheard():
                self._live.stop()


class RunProgress(Display):
    """One run: a bar with rate, time left and main metric.

    Args:
        job: the run.
        todo: what ``action`` says of it.
        console: where to; standard output otherwise.
        clock: seconds.
    """

    def __init__(
        self,
        job: Any,
        todo: str = "run",
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(console, clock)
        self.job, self.todo = job, todo
        self._tally = Tally([job], clock)
        self._tally.add(Event("started", 0))

    def __enter__(self) -> Self:
        verb = {"run": "training", "resume": "resuming", "extend": "extending"}.get(self.todo)
        if verb:
            self.say(f"{verb} {_name(self.job)} in {self.job.directory}")
        return super().__enter__()

    def report(self, report: Mapping[str, Any]) -> None:
        """Take in what the run reports."""
        if report["kind"] == "message":
            self.say(str(report["text"]))
        self._tally.add(Event("report", 0, report))
        self.tick()

    def finish(self, status: str) -> None:
        """The run's last line."""
        progress = self._tally.progress[0]
        if self.todo.startswith("skip"):
            hint = "; retry=true runs it again" if status == "failed" else ""
            self.say(f"nothing to do: {status} already, in {self.job.directory}{hint}")
            return
        seconds = self.clock() - self._tally.began
        self.say("  ".join(filter(None, [status, f"in {duration(seconds)}", progress.metric])))

    def line(self) -> str:
        """Return ``iteration 100/5000, 90 it/s, 0:54 left, modes 8``."""
        progress, left = self._tally.progress[0], self._tally.seconds_left()
        if progress.phase:
            return f"{progress.phase['text']}, step {progress.phase['done']}/{progress.phase['total']}"
        words = [f"iteration {progress.iteration}/{progress.iterations}", speed(progress.pace.rate(self.clock()))]
        words += [f"{duration(left)} left"] if left else []
        return ", ".join(filter(None, [*words, progress.metric]))

    def render(self) -> RenderableType:
        """Return the live display."""
        progress, left = self._tally.progress[0], self._tally.seconds_left()
        table = Table.grid(padding=(0, 1))
        if phase := progress.phase:
            bar = ProgressBar(total=max(phase["total"], 1), completed=phase["done"], width=40)
            table.add_row(bar, f"{phase['done']}/{phase['total']}", str(phase["text"]))
            return table
        table.add_row(
            ProgressBar(total=max(progress.iterations, 1), completed=progress.iteration, width=40),
            f"{progress.iteration}/{progress.iterations}",
            speed(progress.pace.rate(self.clock())),
            f"{duration(left)} left" if left is not None else "",
            progress.metric,
        )
        return table


class SweepProgress(Display):
    """A sweep: an overall bar, a line for each running job, and the jobs that ended last.

    Args:
        jobs: those that run.
        console: where to; standard output otherwise.
        clock: seconds.
    """

    def __init__(
        self,
        jobs: Sequence[Named],
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(console, clock)
        self.tally = Tally(jobs, clock)
        self._latest: deque[int] = deque(maxlen=LATEST)

    def __call__(self, event: Event) -> None:
        """Take in an event of the pool."""
        self.tally.add(event)
        if event.kind == "started" and not self.console.is_terminal:
            self.say(f"start {_name(self.tally.jobs[event.index])}")
        elif event.kind == "report" and event.data.get("kind") == "message":
            self.say(f"{_name(self.tally.jobs[event.index])}: {event.data['text']}")
        elif event.index in self.tally.ended:
            self._latest.append(event.index)
            self._ended(event)
        self.tick()

    def _ended(self, event: Event) -> None:
        status, name = self.tally.ended[event.index], _name(self.tally.jobs[event.index])
        if not self.console.is_terminal:
            metric = self.tally.progress[event.index].metric
            words = [status, name, f"in {duration(event.outcome.seconds)}", metric]
            self.say(f"[{len(self.tally.ended)}/{len(self.tally.jobs)}] " + "  ".join(filter(None, words)))
        elif status == "failed":
            self.say(f"failed  {name}: {(event.outcome.error or '').strip().splitlines()[-1]}")

    def line(self) -> str:
        """Return the line that is printed now and then."""
        return self.tally.line()

    def render(self) -> RenderableType:
        """Return the live display."""
        tally = self.tally
        grid = Table.grid(padding=(0, 1))
        grid.add_row(ProgressBar(total=max(len(tally.jobs), 1), completed=len(tally.ended), width=40), tally.line())
        return Group(grid, self._jobs())

    def _jobs(self) -> Table:
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(width=10)
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        table.add_column(width=20)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(no_wrap=True)
        for index in self._latest:
            status, progress = self.tally.ended[index], self.tally.progress[index]
            self._row(table, Text(status, style=COLOURS.get(status, "")), index, progress, "", "")
        running = list(self.tally.running.items())
        for index, progress in running[:RUNNING]:
            bar = ProgressBar(total=max(progress.iterations, 1), completed=progress.iteration, width=20)
            rate = progress.phase["text"] if progress.phase else speed(progress.pace.rate(self.clock()))
            self._row(table, Text("running"), index, progress, bar, rate)
        if len(running) > RUNNING:
            table.add_row("", f"and {len(running) - RUNNING} more", "", "", "")
        return table

    def _row(self, table: Table, status: Text, index: int, progress: Progress, bar: RenderableType, rate: str) -> None:
        table.add_row(status, Text(_name(self.tally.jobs[index])), bar, rate, progress.metric)


def _name(job: Named) -> str:
    return f"{job.label} seed={job.seed}"
