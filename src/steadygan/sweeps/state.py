"""How the runs of a sweep stand: counts, rate, time left; as the events of a pool tell it, or the files of the runs."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from steadygan.common.pace import Pace, time_left
from steadygan.runs.job import Job, PhaseProgress
from steadygan.sweeps.pool import Event, Outcome

OVER = ("completed", "diverged", "failed")
ORDER = ("running", "stale", "preempted", "queued", "waiting", "failed", "diverged", "completed")
NAMED = ("failed", "diverged", "preempted", "stale", "running", "queued")
"""Statuses that the line of a sweep counts, beside those that wait."""


@dataclass(frozen=True)
class RunState:
    """How one run stands.

    Attributes:
        status: as in the summary; or ``waiting``, ``queued``; or ``stale``: it says that it is running, but nothing
            has changed for long.
        rate: iterations a second of the last minute.
        metrics: the latest values.
        most: the largest value of those metrics that have one.
        phase: what goes on before the first iteration: ``text``, and ``done`` of ``total`` steps.
        quiet: seconds since a file changed.
        ended: the time of the last change.
        owner: who holds the run's lock, whether it is alive or not.
    """

    name: str
    status: str = "waiting"
    iteration: int = 0
    iterations: int = 0
    rate: float = 0.0
    metrics: Mapping[str, object] = field(default_factory=dict)
    most: Mapping[str, float] = field(default_factory=dict)
    phase: PhaseProgress | None = None
    error: str = ""
    owner: str = ""
    path: Path = Path()
    quiet: float = 0.0
    ended: float = 0.0

    @property
    def left(self) -> int:
        """Iterations yet to be made."""
        return max(self.iterations - self.iteration, 0)

    @property
    def metric(self) -> str:
        """``modes 7 of 8``."""
        return main_metric(self.metrics, self.most)

    @property
    def pace(self) -> str:
        """``1,200 it/s``, or what goes on before the first iteration."""
        return str(self.phase["text"]) if self.phase else speed(self.rate)


@dataclass(frozen=True)
class Snapshot:
    """Runs at one moment.

    Attributes:
        waiting: how many were asked for that have not begun and are not among them.
        before: the rate of a run that has ended, for when no other is known.
    """

    runs: tuple[RunState, ...]
    waiting: int = 0
    before: float | None = None

    def count(self, *statuses: str) -> int:
        """Return how many stand so."""
        return sum(run.status in statuses for run in self.runs)

    @property
    def total(self) -> int:
        """How many were asked for."""
        return len(self.runs) + self.waiting

    @property
    def over(self) -> bool:
        """Whether nothing is left to do."""
        return self.count(*OVER) == self.total

    def rate(self) -> float:
        """Return the iterations a second of all that is running."""
        return sum(run.rate for run in self.runs if run.status == "running")

    def seconds_left(self) -> float | None:
        """Return the time for what is running and waiting, at this rate; None while it is not known.

        Stale and preempted runs are left out: nobody works on them.
        """
        going = [(run.left, run.rate or None) for run in self.runs if run.status == "running"]
        unknown = self.waiting * max((run.iterations for run in self.runs), default=0)
        waiting = sum(run.left for run in self.runs if run.status == "waiting")
        return time_left(going, waiting + unknown, self.before)

    def line(self, waiting: bool = True) -> str:
        """Return ``12/60 done, 1 failed, 2 running, 46 waiting, 800 it/s, 4:10 left``."""
        statuses = Counter(run.status for run in self.runs)
        words = [f"{self.count(*OVER)}/{self.total} done"]
        words += [f"{statuses[status]} {status}" for status in NAMED if statuses[status]]
        yet_to_begin = self.waiting + statuses["waiting"]
        words += [f"{yet_to_begin} waiting"] if yet_to_begin and waiting else []
        words += [speed(self.rate())] if self.rate() else []
        left = self.seconds_left()
        return ", ".join(words + ([f"{duration(left)} left"] if left else []))


def ordered(runs: Iterable[RunState]) -> tuple[RunState, ...]:
    """Sort runs: those that run first, then what is left to do, then what is over, the last to end first."""

    def place(run: RunState) -> tuple[int, float, str]:
        return ORDER.index(run.status), -run.ended if run.status in OVER else 0, run.name

    return tuple(sorted(runs, key=place))


class Tally:
    """Keeps the state of the jobs of a pool by its events.

    Args:
        jobs: those that run.
        clock: seconds.
    """

    def __init__(self, jobs: Sequence[Job], clock: Callable[[], float] = time.monotonic) -> None:
        self.clock, self.began = clock, clock()
        self._runs = [RunState(f"{job.label} seed={job.seed}", iterations=job.iterations) for job in jobs]
        self._paces = [Pace() for _ in jobs]
        self._before: float | None = None

    def add(self, event: Event) -> None:
        """Take in an event of the pool."""
        index, data, outcome = event.index, event.data, event.outcome
        run, pace = self._runs[index], self._paces[index]
        if event.kind == "started":
            self._runs[index] = replace(run, status="running")
        elif event.kind == "report" and data.get("kind") == "progress":
            run = self._runs[index] = replace(
                run,
                iteration=data["iteration"],
                iterations=data.get("iterations", run.iterations),
                metrics=data.get("metrics") or run.metrics,
                most=data.get("most") or run.most,
                phase=data.get("phase"),
            )
            if run.iteration and not run.phase:  # what comes before the first iteration does not count
                pace.add(run.iteration, self.clock())
        elif outcome is not None:
            self._before = pace.rate(self.clock()) or self._before
            status = "waiting" if outcome.status == "not started" else status_of(outcome)
            error = (outcome.error or "").strip().splitlines()[-1:]
            self._runs[index] = replace(run, status=status, error="".join(error))

    def run(self, index: int) -> RunState:
        """Return how a job stands now."""
        run = self._runs[index]
        rate = self._paces[index].rate(self.clock()) if run.status == "running" else None
        return replace(run, rate=rate or 0.0)

    def now(self) -> Snapshot:
        """Return how all stand now."""
        return Snapshot(tuple(self.run(index) for index in range(len(self._runs))), before=self._before)


def status_of(outcome: Outcome) -> str:
    """Return the status of the run: what the job returned, or how the pool saw it end."""
    return str(outcome.value) if outcome.status == "done" else outcome.status


def main_metric(metrics: Mapping[str, object], most: Mapping[str, float]) -> str:
    """Return ``modes 7 of 8`` of ``{"modes": 7.0, ...}``, with or without ``metric/``: the first metric, or nothing.

    Args:
        metrics: the latest values.
        most: the largest value of those that have one.
    """
    for name, value in metrics.items():
        short = name.removeprefix("metric/")
        if "/" not in short and isinstance(value, int | float):
            return f"{short} {value:.4g}" + (f" of {most[short]:.4g}" if short in most else "")
    return ""


def speed(rate: float | None) -> str:
    """Return ``1,200 it/s``, ``0.31 it/s``; nothing where it is not known."""
    if not rate:
        return ""
    return f"{rate:,.0f} it/s" if rate >= 9.95 else f"{rate:.2g} it/s"


def duration(seconds: float) -> str:
    """Return ``1:02:03`` or ``2:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
