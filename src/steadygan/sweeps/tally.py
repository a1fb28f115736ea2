"""State of a sweep while it runs: counts, rate, time left; fed by the pool's events, shown by ``progress``."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from steadygan.common.pace import Pace, time_left
from steadygan.sweeps.pool import Event, Outcome


class Named(Protocol):
    """Interface of a job that can be shown."""

    label: str
    seed: int
    iterations: int


@dataclass
class Progress:
    """Progress of one job that was started.

    Attributes:
        phase: what goes on before the first iteration: ``text``, and ``done`` of ``total`` steps.
        most: the largest value of those metrics that have one.
    """

    iterations: int
    iteration: int = 0
    metrics: Mapping[str, Any] = field(default_factory=dict)
    phase: Mapping[str, Any] | None = None
    most: Mapping[str, float] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)

    def update(self, report: Mapping[str, Any], now: float) -> None:
        """Take in a report of the kind ``progress``; what comes before the first iteration does not count."""
        self.phase = report.get("phase")
        self.iteration = report["iteration"]
        self.iterations = report.get("iterations", self.iterations)
        self.metrics = report.get("metrics") or self.metrics
        self.most = report.get("most") or self.most
        if self.iteration and not self.phase:
            self.pace.add(self.iteration, now)

    @property
    def left(self) -> int:
        """Iterations yet to be made."""
        return max(self.iterations - self.iteration, 0)

    @property
    def metric(self) -> str:
        """``modes 7 of 8``."""
        return main_metric(self.metrics, self.most)


class Tally:
    """Counts and times the jobs of a sweep.

    Args:
        jobs: those that run.
        clock: seconds.
    """

    def __init__(self, jobs: Sequence[Named], clock: Callable[[], float] = time.monotonic) -> None:
        self.jobs = jobs
        self.clock = clock
        self.began = clock()
        self.running: dict[int, Progress] = {}
        self.ended: dict[int, str] = {}
        self.progress: dict[int, Progress] = {}
        self._before: float | None = None

    def add(self, event: Event) -> None:
        """Take in an event of the pool."""
        if event.kind == "started":
            self.running[event.index] = Progress(self.jobs[event.index].iterations)
            self.progress[event.index] = self.running[event.index]
        elif event.kind == "report" and event.data.get("kind") == "progress":
            self.running[event.index].update(event.data, self.clock())
        elif event.kind == "ended":
            self._before = self.running.pop(event.index).pace.rate(self.clock()) or self._before
            if event.outcome.status == "not started":
                del self.progress[event.index]
                return
            self.ended[event.index] = status_of(event.outcome)

    def count(self, status: str) -> int:
        """Return how many ended so."""
        return sum(ended == status for ended in self.ended.values())

    def rate(self) -> float:
        """Iterations a second of all that is running, in the last minute."""
        return sum(job.pace.rate(self.clock()) or 0.0 for job in self.running.values())

    def seconds_left(self) -> float | None:
        """At this rate; None while it is not known."""
        going = [(job.left, job.pace.rate(self.clock())) for job in self.running.values()]
        waiting = sum(job.iterations for i, job in enumerate(self.jobs) if i not in self.progress)
        return time_left(going, waiting, self._before)

    def line(self) -> str:
        """Return the state of the sweep in one line."""
        words = [f"{len(self.ended)}/{len(self.jobs)} done"]
        words += [f"{self.count(status)} {status}" for status in ("failed", "diverged") if self.count(status)]
        words += [f"{len(self.running)} running"] if self.running else []
        words += [speed(self.rate())] if self.rate() else []
        left = self.seconds_left()
        return ", ".join(words + ([f"{duration(left)} left"] if left else []))


def status_of(outcome: Outcome) -> str:
    """Return the status of the run: what the job returned, or how the pool saw it end."""
    return str(outcome.value) if outcome.status == "done" else outcome.status


def main_metric(metrics: Mapping[str, Any], most: Mapping[str, float]) -> str:
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
