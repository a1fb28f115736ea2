"""Runs and sweeps on the terminal, those that run here and those that were started elsewhere.

Where there is no terminal: plain lines.
"""

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from steadygan.runs.job import Event as Report
from steadygan.runs.job import Job
from steadygan.sweeps.pool import Event
from steadygan.sweeps.state import OVER, RunState, Snapshot, Tally, duration, speed
from steadygan.sweeps.watcher import Watcher

INTERVAL = 15.0
"""Seconds between lines where there is no terminal."""

SECONDS = 1.0
"""Between two looks at what runs elsewhere."""

LATEST = 5
"""Ended jobs that stay in sight."""

RUNNING = 12
"""Running jobs that are shown; a population has many."""

COLOURS = {"completed": "green", "diverged": "yellow", "failed": "red", "preempted": "cyan", "stale": "magenta"}


def unheard() -> contextlib.suppress:
    """Return a context for what is said to a terminal that may be closed: no run ends of it.

    Of a broken pipe rich makes a SystemExit.
    """
    return contextlib.suppress(OSError, SystemExit)


def say(console: Console, text: str) -> None:
    """Print one line as it is, never wrapped where it is not a terminal."""
    with unheard():
        console.print(Text(text), soft_wrap=True)


class Display(ABC):
    """Live on a terminal; otherwise nothing but what is printed, and a line now and then."""

    def __init__(self, console: Console | None, clock: Callable[[], float] = time.monotonic) -> None:
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
        """Print one line that stays, above what is live."""
        say(self.console, text)

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

    def __exit__(self, *error: object) -> None:
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
        job: Job,
        todo: str = "run",
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(console, clock)
        self.directory, self.todo = job.directory, todo
        self._tally = Tally([job], clock)
        self._tally.add(Event("started", 0))

    def __enter__(self) -> Self:
        verb = {"run": "training", "resume": "resuming", "extend": "extending"}.get(self.todo)
        if verb:
            self.say(f"{verb} {self._tally.run(0).name} in {self.directory}")
        return super().__enter__()

    def report(self, report: Report) -> None:
        """Take in what the run reports."""
        if report.get("kind") == "message":
            self.say(str(report.get("text")))
        self._tally.add(Event("report", 0, report))
        self.tick()

    def finish(self, status: str) -> None:
        """Print the run's last line."""
        if self.todo.startswith("skip"):
            hint = "; retry=true runs it again" if status == "failed" else ""
            self.say(f"nothing to do: {status} already, in {self.directory}{hint}")
            return
        seconds = duration(self.clock() - self._tally.began)
        self.say(_joined(status, f"in {seconds}", self._tally.run(0).metric))

    def line(self) -> str:
        """Return ``iteration 100/5000, 90 it/s, 0:54 left, modes 8``."""
        run = self._tally.run(0)
        if run.phase:
            return f"{run.phase['text']}, step {run.phase['done']}/{run.phase['total']}"
        return ", ".join(
            filter(None, [f"iteration {run.iteration}/{run.iterations}", run.pace, self._left(), run.metric])
        )

    def render(self) -> RenderableType:
        """Return the bar of the run, or of what goes on before its first iteration."""
        run = self._tally.run(0)
        if phase := run.phase:
            return _bar(phase["done"], phase["total"], f"{phase['done']}/{phase['total']}", str(phase["text"]))
        words = (f"{run.iteration}/{run.iterations}", run.pace, self._left(), run.metric)
        return _bar(run.iteration, run.iterations, *words)

    def _left(self) -> str:
        left = self._tally.now().seconds_left()
        return f"{duration(left)} left" if left else ""


class SweepProgress(Display):
    """A sweep: an overall bar, a line for each running job, and the jobs that ended last.

    Args:
        jobs: those that run.
        console: where to; standard output otherwise.
        clock: seconds.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(console, clock)
        self._tally, self._total = Tally(jobs, clock), len(jobs)
        self._ended: list[int] = []

    def __call__(self, event: Event) -> None:
        """Take in an event of the pool."""
        self._tally.add(event)
        run = self._tally.run(event.index)
        if event.kind == "started" and not self.console.is_terminal:
            self.say(f"start {run.name}")
        elif event.kind == "report" and event.data.get("kind") == "message":
            self.say(f"{run.name}: {event.data['text']}")
        elif event.outcome is not None and event.outcome.status != "not started":
            self._ended.append(event.index)
            if not self.console.is_terminal:
                words = _joined(run.status, run.name, f"in {duration(event.outcome.seconds)}", run.metric)
                self.say(f"[{len(self._ended)}/{self._total}] {words}")
            elif run.status == "failed":
                self.say(f"failed  {run.name}: {run.error}")
        self.tick()

    def line(self) -> str:
        """Return the line of the snapshot, which names what is done and what runs."""
        return self._tally.now().line(waiting=False)

    def render(self) -> RenderableType:
        """Return the bar, the jobs that ended last, and some of those that run."""
        now = self._tally.now()
        running = [run for run in now.runs if run.status == "running"]
        latest = [now.runs[index] for index in self._ended[-LATEST:]]
        return _picture(self.line(), now, [*latest, *running[:RUNNING]], len(running) - RUNNING)


class Watch(Display):
    """A sweep that was started elsewhere: the runs that are not over, those that failed, those that ended last."""

    def __init__(self, watcher: Watcher, console: Console | None = None) -> None:
        super().__init__(console)
        self.watcher = watcher
        self.now = watcher.look()

    def look(self) -> None:
        """Look again; where there is no terminal, say what ended since, and now and then how it stands."""
        before = {run.path: run.status for run in self.now.runs}
        self.now = self.watcher.look()
        if not self.console.is_terminal:
            for run in self.now.runs:
                if run.status in (*OVER, "preempted", "stale") and before.get(run.path) != run.status:
                    self.say(_line(run))
        self.tick()

    def line(self) -> str:
        """Return the line of the snapshot."""
        return self.now.line()

    def render(self) -> RenderableType:
        """Return what fits the screen; what is left out is counted."""
        return self.picture(max(self.console.height - 4, 3))

    def picture(self, room: int | None = None) -> RenderableType:
        """Return the bar and at most ``room`` lines of runs; of those that ended well the last ones only."""
        well = [run for run in self.now.runs if run.status == "completed"]
        runs = [run for run in self.now.runs if run.status != "completed"] + well[:LATEST]
        shown = runs[:room]
        return _picture(self.line(), self.now, shown, len(self.now.runs) - len(shown))

    def advise(self) -> None:
        """Say what can be done about runs that are stale or failed."""
        if self.now.count("stale"):
            self.say(
                "stale: no file has changed for long. If its process is gone, the command of the sweep goes on from "
                "there."
            )
        if self.now.count("failed"):
            self.say("failed: the end of the log is in the run's log.txt; retry=true runs failed runs again.")


def show(watched: Path | Watcher, console: Console | None = None) -> None:
    """Print how the sweep in a folder, or what a watcher sees, stands now."""
    watch = Watch(_watcher(watched), console)
    if watch.console.is_terminal:
        watch.console.print(watch.picture())
    else:
        for text in (watch.line(), *map(_line, watch.now.runs)):
            watch.say(text)
    watch.advise()


def follow(watched: Path | Watcher, console: Console | None = None) -> None:
    """Show it until all of it is over, or until Ctrl-C."""
    watch = Watch(_watcher(watched), console)
    terminal = watch.console.is_terminal
    if not terminal:
        watch.say(watch.line())
    with watch:
        while not watch.now.over:
            time.sleep(SECONDS)
            watch.look()
    if terminal:
        watch.console.print(watch.picture())
    else:
        watch.say(watch.line())
    watch.advise()


def _watcher(watched: Path | Watcher) -> Watcher:
    return watched if isinstance(watched, Watcher) else Watcher(watched)


def _picture(line: str, now: Snapshot, shown: Sequence[RunState], hidden: int) -> RenderableType:
    """Return the bar of a sweep, a line for each run that is shown, and how many others there are."""
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(width=10)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(width=12)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=40)
    for run in shown:
        bar = ProgressBar(total=max(run.iterations, 1), completed=run.iteration, width=12)
        table.add_row(
            Text(run.status, style=COLOURS.get(run.status, "")),
            Text(run.name),
            "" if run.status == "completed" else bar,
            f"{run.iteration}/{run.iterations}",
            run.pace,
            Text(_remark(run)),
        )
    parts: list[RenderableType] = [_bar(now.count(*OVER), now.total, line), table]
    return Group(*parts, Text(f"and {hidden} more", style="dim")) if hidden > 0 else Group(*parts)


def _bar(done: float, total: float, *words: str) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_row(ProgressBar(total=max(total, 1), completed=done, width=40), *words)
    return table


def _remark(run: RunState) -> str:
    if run.error and run.status != "running":  # one that runs again has the error of the launch before
        return run.error
    if run.status == "stale":
        return f"no change for {duration(run.quiet)}"
    owner = f"({run.owner})" if run.status == "running" and run.owner else ""
    return _joined(run.metric, owner)


def _line(run: RunState) -> str:
    """Return ``running  r1 seed=0  1200/5000  310 it/s  modes 8``."""
    return _joined(run.status, run.name, f"{run.iteration}/{run.iterations}", speed(run.rate), _remark(run))


def _joined(*words: str) -> str:
    return "  ".join(filter(None, words))
