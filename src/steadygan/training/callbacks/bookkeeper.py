"""The files of one run while it trains, whichever engine trains it."""

import contextlib
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from steadygan.analysis.oscillation import Trailing
from steadygan.common.signals import Interrupt
from steadygan.loggers.base import RunInfo
from steadygan.pictures import picture
from steadygan.runs import files, locks, summary
from steadygan.runs.checkpoint_manager import CheckpointManager
from steadygan.runs.job import Job, Report
from steadygan.training.callbacks import spectrum
from steadygan.training.callbacks.metrics_writer import MetricsWriter
from steadygan.training.components import Components
from steadygan.training.evaluate import both
from steadygan.training.state import GANState

PROGRESS_SECONDS = 0.3


class Due(NamedTuple):
    """What is due after an iteration."""

    logs: bool
    evaluates: bool
    saves: bool
    looks: bool

    @classmethod
    def after(cls, iteration: int, config: Mapping[str, Any], iterations: int, overdue: bool = False) -> "Due":
        """``iterations`` is the last one; its checkpoint is written when the run is closed.

        ``overdue``: time has come for a checkpoint, whatever the iteration.
        """
        last = iteration == iterations
        return cls(
            logs=iteration % config["log_every"] == 0,
            evaluates=iteration % config["evaluate_every"] == 0 or last,
            saves=(overdue or iteration % config["checkpoint_every"] == 0) and not last,
            looks=spectrum.due(config, iteration),
        )


class Bookkeeper:
    """What happens between iterations, in this order: row, metrics, pictures, checkpoint.

    Args:
        components: of the run.
        job: the run.
        report: told of progress.
        gan: what trains.
        share: of the time that passes, this run's part.

    Attributes:
        sparing: whether there are to be neither pictures nor checkpoints (``engine.files=summary``).
        metrics: what the metrics say now; who trains many runs sets it, having asked for all of them at once.
        picture: writes the picture of now to a file; set likewise.
    """

    def __init__(self, components: Components, job: Job, report: Report, gan: GANState, share: float = 1.0):
        self.components, self.job, self.report, self.gan, self.share = components, job, report, gan, share
        self.sparing = job.config["engine"].get("files") == "summary"
        self.interrupt = Interrupt()
        self.rows = MetricsWriter(
            job.directory / files.METRICS, list(components.directions), spectrum.columns(job.config)
        )
        self.trailing = Trailing()
        self.checkpoints = CheckpointManager(job, components.directions)
        self.seconds_before = 0.0
        self.started = time.monotonic()
        self.reported_at = 0.0
        self.latest: dict[str, float] = {}
        self.metrics: Callable[[], dict[str, float]] = partial(both, gan, components)
        self.picture: Callable[[Path], None] = partial(picture, gan, components.dataset)

    # --- before and after -------------------------------------------------------------------------------------

    def open(self) -> None:
        """Resume from the last checkpoint, or begin; say on disk that the run is running."""
        self.seconds_before = self.checkpoints.resume(self.gan, self.report_message) or 0.0
        config = self.job.config
        every = [config["log_every"], config["evaluate_every"], spectrum.every_of(config)]
        self.rows.resume(self.gan.iteration, [each for each in every if each is not None])
        before = self.rows.read()
        self.trailing.recall(row for row in before if self.due(int(row["iteration"])).logs)
        self.checkpoints.restore_best(before)
        self._write_summary("running")
        self.components.logger.open(
            RunInfo(
                directory=self.job.directory,
                signature=self.job.signature,
                method=self.job.method,
                label=self.job.label,
                seed=self.job.seed,
                group=config["name"],
                config=config,
                overrides=self.job.overrides,
            )
        )
        self.started = time.monotonic()

    def report_message(self, text: str) -> None:
        """Report one line of text."""
        self.report({"kind": "message", "text": text})

    def close(self) -> str:
        """Save the last state and say on disk how the run ended."""
        locks.check(self.job.directory)
        if self.gan.diverged_at is not None:
            status = "diverged"
        else:
            status = "completed" if self.gan.iteration >= self.job.iterations else "preempted"
        self.checkpoint()
        self._write_summary(status)
        return status

    def logger_close(self) -> None:
        """Whatever happened, the logger ends with what the summary says; a run that was not closed has failed."""
        summary = files.read_summary(self.job.directory) or {}
        self.components.logger.close({**summary, "status": "failed"} if summary.get("status") == "running" else summary)

    def _write_summary(self, status: str) -> None:
        seconds = self.seconds
        content = summary.summary(
            self.job,
            self.components,
            status=status,
            iteration=self.gan.iteration,
            seconds=seconds,
            rows=(rows := self.rows.read()),
            scheme=self.components.scheme.record(self.job.directory, rows, seconds, self.components.algorithm.growth),
            diverged_at=self.gan.diverged_at,
            together=round(1 / self.share),
        )
        files.write_json(self.job.directory / files.SUMMARY, content)

    @property
    def seconds(self) -> float:
        """Seconds spent on this run, those of earlier launches included."""
        return self.seconds_before + self.share * (time.monotonic() - self.started)

    # --- between iterations -----------------------------------------------------------------------------------

    def due(self, iteration: int) -> Due:
        """Return what is due after ``iteration``."""
        return Due.after(iteration, self.job.config, self.job.iterations, self.checkpoints.overdue())

    def after(self, due: Due | None = None) -> None:
        """Do what is due after the iteration that ``gan`` has just made."""
        due = due or self.due(self.gan.iteration)
        if any(due):
            locks.check(self.job.directory)
        if due.logs or due.evaluates or due.looks:
            self._row(due)
        if due.logs:
            self.gan.window.reset()
        if due.saves:
            self.checkpoint()
        self.progress()

    def _row(self, due: Due) -> None:
        iteration = self.gan.iteration
        images = self.components.sampling.images(iteration, self.job.config["batch_size"])
        row = {"iteration": iteration, "images": images, "seconds": round(self.seconds, 3), **self.gan.window.means()}
        if due.logs:
            row |= self.trailing.after(row)
        if due.looks:
            row |= spectrum.spectrum(self.gan, self.components, self.job.config)
        if due.evaluates:
            self.latest = self.metrics()
            row |= {f"metric/{name}": value for name, value in self.latest.items()}
        self.rows.write(row)
        self.components.logger.row({name: value for name, value in row.items() if value is not None})
        if due.evaluates:
            self.draw()
            self._judge()

    def draw(self) -> None:
        """The picture of now, unless the run is sparing."""
        if self.sparing:
            return
        path = self.job.directory / files.SAMPLES / f"{self.gan.iteration:07d}.png"
        self.picture(path)
        self.components.logger.picture(self.gan.iteration, "samples", path)

    def checkpoint(self) -> None:
        """Write one, unless the run is sparing."""
        if self.sparing:
            return
        self.rows.sync()
        self.checkpoints.save(self.gan, self.seconds)

    def _judge(self) -> None:
        if not self.sparing:
            self.checkpoints.save_best(self.gan, self.seconds, self.latest)

    def progress(self, phase: Mapping[str, Any] | None = None) -> None:
        """Report it, now and then.

        Args:
            phase: before the first iteration: ``text``, what goes on, and ``done`` of ``total`` steps.
        """
        now = time.monotonic()
        if now - self.reported_at < PROGRESS_SECONDS and self.gan.iteration < self.job.iterations:
            return
        self.reported_at = now
        with contextlib.suppress(BrokenPipeError):
            self.report(
                {
                    "kind": "progress",
                    "iteration": self.gan.iteration,
                    "iterations": self.job.iterations,
                    "metrics": self.latest,
                    "most": self.components.most,
                    **({"phase": dict(phase)} if phase else {}),
                }
            )
