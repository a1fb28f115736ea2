"""The files of one run while it trains, whichever engine trains it."""

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from steadygan import files
from steadygan.engines import checkpoint, summary
from steadygan.engines.evaluate import evaluate
from steadygan.engines.interrupt import Interrupt
from steadygan.engines.parts import Job, Parts, Report
from steadygan.engines.rows import Rows
from steadygan.engines.trained import Trained
from steadygan.errors import UserError
from steadygan.loggers.base import RunInfo
from steadygan.pictures import picture

PROGRESS_SECONDS = 0.3


class Due(NamedTuple):
    """What there is to do after an iteration."""

    logs: bool
    evaluates: bool
    saves: bool

    @classmethod
    def after(cls, iteration: int, config: Mapping[str, Any], iterations: int) -> "Due":
        """``iterations`` is the last one; its checkpoint is written when the run is closed."""
        last = iteration == iterations
        return cls(
            logs=iteration % config["log_every"] == 0,
            evaluates=iteration % config["evaluate_every"] == 0 or last,
            saves=iteration % config["checkpoint_every"] == 0 and not last,
        )


class Bookkeeper:
    """What happens between iterations, in this order: row, metrics, pictures, checkpoint.

    Args:
        parts: of the run.
        job: the run.
        report: told of progress.
        gan: what trains.
        share: of the time that passes, this run's part.

    Attributes:
        sparing: whether there are to be neither pictures nor checkpoints (``engine.files=summary``).
    """

    def __init__(self, parts: Parts, job: Job, report: Report, gan: Trained, share: float = 1.0):
        self.parts, self.job, self.report, self.gan, self.share = parts, job, report, gan, share
        self.sparing = job.config["engine"].get("files") == "summary"
        self.interrupt = Interrupt()
        names = [name for metric in parts.metrics.values() for name in metric.directions]
        self.rows = Rows(job.directory / files.METRICS, names)
        self.seconds_before = 0.0
        self.started = time.monotonic()
        self.told = 0.0
        self.latest: dict[str, float] = {}

    # --- before and after -------------------------------------------------------------------------------------

    def open(self) -> None:
        """Resume from the last checkpoint, or begin; say on disk that the run is running."""
        path = self.job.directory / files.CHECKPOINT
        if path.exists():
            self._resume(path)
        config = self.job.config
        self.rows.resume(self.gan.iteration, [config["log_every"], config["evaluate_every"]])
        self._write_summary("running")
        self.parts.logger.open(
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

    def _resume(self, path: Path) -> None:
        try:
            saved = checkpoint.load(path)
        except UserError as error:
            self.report({"kind": "message", "text": f"{error}; the run begins again"})
            return
        checkpoint.restore(self.gan, saved)
        self.seconds_before = saved["seconds"]

    def close(self) -> str:
        """Save the last state and say on disk how the run ended."""
        if self.gan.diverged_at is not None:
            status = "diverged"
        else:
            status = "completed" if self.gan.iteration >= self.job.iterations else "preempted"
        self._checkpoint()
        self._write_summary(status)
        return status

    def logger_close(self) -> None:
        """Whatever happened, the logger ends with what the summary says; a run that was not closed has failed."""
        told = files.read_summary(self.job.directory) or {}
        self.parts.logger.close({**told, "status": "failed"} if told.get("status") == "running" else told)

    def _write_summary(self, status: str) -> None:
        content = summary.summary(
            self.job,
            self.parts,
            status=status,
            iteration=self.gan.iteration,
            seconds=self.seconds,
            rows=self.rows.read(),
            diverged_at=self.gan.diverged_at,
        )
        files.write_json(self.job.directory / files.SUMMARY, content)

    @property
    def seconds(self) -> float:
        """Seconds spent on this run, those of earlier launches included."""
        return self.seconds_before + self.share * (time.monotonic() - self.started)

    # --- between iterations -----------------------------------------------------------------------------------

    def after(self) -> None:
        """What is due after the iteration that ``gan`` has just made."""
        due = Due.after(self.gan.iteration, self.job.config, self.job.iterations)
        if due.logs or due.evaluates:
            self._row(due.evaluates)
        if due.logs:
            self.gan.window.reset()
        if due.saves:
            self._checkpoint()
        self.progress()

    def _row(self, evaluates: bool) -> None:
        iteration = self.gan.iteration
        images = iteration * self.parts.wants.n_critic * self.job.config["batch_size"]
        row = {"iteration": iteration, "images": images, "seconds": round(self.seconds, 3), **self.gan.window.means()}
        if evaluates:
            self.latest = evaluate(self.gan, self.parts.metrics)
            row |= {f"metric/{name}": value for name, value in self.latest.items()}
        self.rows.write(row)
        self.parts.logger.row(row)
        if evaluates:
            self._picture()

    def _picture(self) -> None:
        if self.sparing:
            return
        path = self.job.directory / files.SAMPLES / f"{self.gan.iteration:07d}.png"
        picture(self.gan, self.parts.dataset, path)
        self.parts.logger.picture(self.gan.iteration, "samples", path)

    def _checkpoint(self) -> None:
        if self.sparing:
            return
        checkpoint.save(self.job.directory / files.CHECKPOINT, self.gan, self.job.signature, self.seconds)

    def progress(self) -> None:
        """Report it, now and then."""
        now = time.monotonic()
        if now - self.told < PROGRESS_SECONDS and self.gan.iteration < self.job.iterations:
            return
        self.told = now
        with contextlib.suppress(BrokenPipeError):
            self.report(
                {
                    "kind": "progress",
                    "iteration": self.gan.iteration,
                    "iterations": self.job.iterations,
                    "metrics": self.latest,
                }
            )
