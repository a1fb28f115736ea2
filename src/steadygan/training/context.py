"""One run while it trains: what its callbacks share, whichever loop drives them."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from steadygan.pictures import picture
from steadygan.runs import files, locks
from steadygan.runs.checkpoint_manager import CheckpointManager
from steadygan.runs.job import Job, Report
from steadygan.runs.metrics_writer import MetricsWriter
from steadygan.runs.summary import run_summary
from steadygan.training import spectrum
from steadygan.training.components import Components
from steadygan.training.evaluation import both
from steadygan.training.state import GANState

if TYPE_CHECKING:
    from steadygan.training.callbacks.base import RunCallback

C = TypeVar("C", bound="RunCallback")


class Due(NamedTuple):
    """What is due after an iteration: a row of logs, metrics and pictures, a checkpoint, the game's spectrum."""

    iteration: int
    logs: bool
    evaluates: bool
    saves: bool
    analyses: bool

    @classmethod
    def after(cls, iteration: int, job: Job, overdue: bool = False) -> "Due":
        """Return what is due after ``iteration``; ``overdue``: a checkpoint is, whatever the iteration.

        After the last iteration there is always an evaluation; its checkpoint is written when the run ends.
        """
        config, last = job.config, iteration == job.iterations
        return cls(
            iteration,
            logs=iteration % config["log_every"] == 0,
            evaluates=iteration % config["evaluate_every"] == 0 or last,
            saves=(overdue or iteration % config["checkpoint_every"] == 0) and not last,
            analyses=spectrum.due(config, iteration),
        )

    @property
    def row(self) -> bool:
        """Whether a row of ``metrics.csv`` is."""
        return self.logs or self.evaluates or self.analyses

    @property
    def anything(self) -> bool:
        """Whether anything is."""
        return self.row or self.saves


class RunContext:
    """One run while it trains, and its files.

    Args:
        components: of the run.
        job: the run.
        report: called with its events.
        gan: what trains.
        share: of the time that passes, this run's part.

    Attributes:
        callbacks: in the order in which they act after an iteration.
        scores: the last scores of the metrics.
        evaluate: scores the present state; a population, which scores all of its members at once, sets it.
        draw: writes a picture of the present state to a file; set likewise.
        stopped_early: whether a callback of the user's own has ended the training.
        sparing: whether there are to be neither pictures nor checkpoints (``engine.files=summary``).
    """

    def __init__(self, components: Components, job: Job, report: Report, gan: GANState, share: float = 1.0) -> None:
        self.components, self.job, self.report, self.gan, self.share = components, job, report, gan, share
        self.callbacks: Sequence[RunCallback] = ()
        self.checkpoints = CheckpointManager(job, components.directions)
        self.rows = MetricsWriter(
            job.directory / files.METRICS, list(components.directions), spectrum.columns(job.config)
        )
        self.scores: dict[str, float] = {}
        self.evaluate: Callable[[], dict[str, float]] = partial(both, gan, components)
        self.draw: Callable[[Path], None] = partial(picture, gan, components.dataset)
        self.stopped_early = False
        self.sparing = job.config["engine"].get("files") == "summary"
        self._before, self._started = 0.0, time.monotonic()
        self._due: Due | None = None
        self._row: dict[str, float | None] = {}

    @property
    def rank(self) -> int:
        """That of the process; only rank 0 writes files."""
        return self.gan.ranks.rank

    def find(self, kind: type[C]) -> C:
        """Return the callback of a kind."""
        return next(callback for callback in self.callbacks if isinstance(callback, kind))

    def message(self, text: str) -> None:
        """Report one line of text, on rank 0."""
        if not self.rank:
            self.report({"kind": "message", "text": text})

    # --- before and after -------------------------------------------------------------------------------------

    def open(self) -> None:
        """Resume from the last checkpoint, or begin; say on disk that the run is running."""
        if self.rank:
            return
        self._before = self.checkpoints.resume(self.gan, self.message) or 0.0
        config = self.job.config
        every = [config["log_every"], config["evaluate_every"], spectrum.every_of(config)]
        self.rows.resume(self.gan.iteration, [each for each in every if each is not None])
        self.checkpoints.restore_best(self.rows.read())
        self._write_summary("running")
        for callback in self.callbacks:
            callback.on_run_start()
        self._started = time.monotonic()

    def close(self) -> str:
        """Save the last state, say on disk how the run ended, and return it."""
        done = self.stopped_early or self.gan.iteration >= self.job.iterations
        status = "completed" if done else "preempted"
        status = status if self.gan.diverged_at is None else "diverged"
        if not self.rank:
            self.save()
            self._write_summary(status)
        return status

    def teardown(self) -> None:
        """Close what callbacks have opened, whatever happened."""
        for callback in self.callbacks:
            callback.on_run_end()

    def save(self) -> None:
        """Write a checkpoint, after the rows before it are on the disk, unless the run is sparing.

        Raises:
            LockLost: another launch has taken the run over.
        """
        locks.check(self.job.directory)
        if not self.sparing:
            self.rows.sync()
            self.checkpoints.save(self.gan, self.seconds)

    def _write_summary(self, status: str) -> None:
        content = run_summary(self.job, self.components, self.gan, status, self.seconds, round(1 / self.share))
        if self.stopped_early:
            content["stopped_early"] = True
        files.write_json(self.job.directory / files.SUMMARY, content)

    @property
    def seconds(self) -> float:
        """Seconds spent on this run, those of earlier launches included."""
        return self._before + self.share * (time.monotonic() - self._started)

    # --- after an iteration -----------------------------------------------------------------------------------

    @property
    def due(self) -> Due:
        """What is due after the present iteration, the same for all callbacks."""
        due = self._due
        if due is None or due.iteration != self.gan.iteration:
            self.due = due = Due.after(self.gan.iteration, self.job, self.checkpoints.overdue())
        return due

    @due.setter
    def due(self, due: Due) -> None:
        self._due, self._row = due, {}

    @property
    def row(self) -> dict[str, float | None]:
        """The row of the present iteration, to which callbacks add; it has the means of the logs since the last."""
        if self._row.get("iteration") != self.gan.iteration:
            iteration = self.gan.iteration
            images = self.components.sampling.images(iteration, self.job.config["batch_size"])
            seconds = round(self.seconds, 3)
            self._row = {"iteration": iteration, "images": images, "seconds": seconds, **self.gan.window.means()}
        return self._row

    def after_iteration(self) -> None:
        """Have all callbacks act; for loops other than a Trainer's, which calls them itself."""
        for callback in self.callbacks:
            callback.after_iteration()
