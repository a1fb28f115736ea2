"""What is known of a sweep while it runs: counts, rate, time left; fed by the pool's events, shown by ``progress``."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from steadygan.sweeps.pool import Event, Outcome


class Named(Protocol):
    """What is asked of a job in order to show it."""

    label: str
    seed: int
    iterations: int


@dataclass
class Progress:
    """Of one job that was started; a resumed one begins at the iteration of its first report.

    Attributes:
        phase: what goes on before the first iteration: ``text``, and ``done`` of ``total`` steps.
    """

    iterations: int
    since: float
    first: int | None = None
    iteration: int = 0
    metrics: Mapping[str, Any] = field(default_factory=dict)
    phase: Mapping[str, Any] | None = None

    def update(self, report: Mapping[str, Any], now: float) -> None:
        """Take in a report of the kind ``progress``; the time before the first iteration does not count."""
        if self.phase and not report.get("phase"):
            self.since, self.first = now, None
        self.phase = report.get("phase")
        self.iteration = report["iteration"]
        self.iterations = report.get("iterations", self.iterations)
        if self.first is None:
            self.first = self.iteration
        self.metrics = report.get("metrics") or self.metrics

    @property
    def done(self) -> int:
        """Iterations since it was started here."""
        return self.iteration - (self.first or 0)

    def rate(self, now: float) -> float:
        """Iterations a second."""
        return self.done / max(now - self.since, 1e-9)


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

    def add(self, event: Event) -> None:
        """Take in an event of the pool."""
        if event.kind == "started":
            self.running[event.index] = Progress(self.jobs[event.index].iterations, self.clock())
            self.progress[event.index] = self.running[event.index]
        elif event.kind == "report" and event.data.get("kind") == "progress":
            self.running[event.index].update(event.data, self.clock())
        elif event.kind == "ended":
            del self.running[event.index]
            if event.outcome.status == "not started":
                del self.progress[event.index]
                return
            self.ended[event.index] = status_of(event.outcome)

    def count(self, status: str) -> int:
        """How many ended so."""
        return sum(ended == status for ended in self.ended.values())

    def rate(self) -> float:
        """Iterations a second of all jobs together, since the beginning."""
        return sum(job.done for job in self.progress.values()) / max(self.clock() - self.began, 1e-9)

    def seconds_left(self) -> float | None:
        """At this rate; None while it is not known."""
        rate = self.rate()
        if rate <= 0:
            return None
        waiting = [job.iterations for i, job in enumerate(self.jobs) if i not in self.progress]
        return (sum(waiting) + sum(job.iterations - job.iteration for job in self.running.values())) / rate

    def line(self) -> str:
        """All of it in one line."""
        words = [f"{len(self.ended)}/{len(self.jobs)} done"]
        words += [f"{self.count(status)} {status}" for status in ("failed", "diverged") if self.count(status)]
        words += [f"{len(self.running)} running"] if self.running else []
        words += [f"{self.rate():,.0f} it/s"] if self.rate() else []
        left = self.seconds_left()
        return ", ".join(words + ([f"{duration(left)} left"] if left else []))


def status_of(outcome: Outcome) -> str:
    """The status of the run: what the job returned, or how the pool saw it end."""
    return str(outcome.value) if outcome.status == "done" else outcome.status


def main_metric(metrics: Mapping[str, Any]) -> str:
    """``modes 8`` of ``{"modes": 8.0, ...}``, with or without ``metric/``: the first metric, or nothing."""
    for name, value in metrics.items():
        short = name.removeprefix("metric/")
        if "/" not in short and isinstance(value, int | float):
            return f"{short} {value:.4g}"
    return ""


def duration(seconds: float) -> str:
    """``1:02:03`` or ``2:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
