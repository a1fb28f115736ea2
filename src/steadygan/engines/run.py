"""One run: a Lightning fit that writes the run's files, can be stopped anywhere and goes on where it was."""

import contextlib
import logging
import time
import warnings
from pathlib import Path
from typing import Any

import lightning

from steadygan import files
from steadygan.engines import checkpoint, summary
from steadygan.engines.evaluate import evaluate
from steadygan.engines.interrupt import Interrupt
from steadygan.engines.module import GAN
from steadygan.engines.parts import DTYPES, Job, Parts, Report
from steadygan.engines.rows import Rows
from steadygan.errors import UserError
from steadygan.loggers.base import RunInfo
from steadygan.pictures import picture

PROGRESS_SECONDS = 0.3


def run(parts: Parts, job: Job, report: Report) -> str:
    """Train ``job`` to its number of iterations, from its checkpoint where there is one.

    Returns:
        ``completed``, ``diverged`` or ``preempted``; ``summary.json`` says the same.
    """
    config = job.config
    gan = GAN(parts, job.seed, config["batch_size"], DTYPES[str(config["trainer"]["precision"])])
    book = Bookkeeper(parts, job, report, gan)
    book.open()
    try:
        with Interrupt() as interrupt:
            book.interrupt = interrupt
            if gan.iteration < job.iterations:
                fit(gan, book, config["trainer"])
        status = book.close()
    finally:
        book.logger_close()
    return status


def fit(gan: GAN, book: "Bookkeeper", trainer: dict[str, Any]) -> None:
    """Lightning's loop over the numbers of the iterations that are left; everything else is ours."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        warnings.filterwarnings("ignore", message=".*(no optimizer|`TORCH_|srun).*")
        lightning.Trainer(
            accelerator=trainer["accelerator"],
            devices=trainer["devices"],
            max_epochs=1,
            callbacks=[book],
            default_root_dir=book.job.directory,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        ).fit(gan, train_dataloaders=range(gan.iteration, book.job.iterations))


class Bookkeeper(lightning.Callback):
    """What happens between iterations, in this order: row, metrics, pictures, checkpoint, stop."""

    def __init__(self, parts: Parts, job: Job, report: Report, gan: GAN):
        self.parts, self.job, self.report, self.gan = parts, job, report, gan
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
        """Whatever happened, the logger ends with what the summary says."""
        self.parts.logger.close(files.read_summary(self.job.directory) or {})

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
        return self.seconds_before + time.monotonic() - self.started

    def on_train_start(self, *_: Any) -> None:
        self.interrupt.install()

    # --- between iterations -----------------------------------------------------------------------------------

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        if self.gan.diverged_at is not None:
            trainer.should_stop = True
            return
        config, iteration = self.job.config, self.gan.iteration
        last = iteration == self.job.iterations
        logs, evaluates = iteration % config["log_every"] == 0, iteration % config["evaluate_every"] == 0 or last
        if logs or evaluates:
            self._row(evaluates)
        if logs:
            self.gan.window.reset()
        if iteration % config["checkpoint_every"] == 0 and not last:
            self._checkpoint()
        if self.interrupt.requested:
            trainer.should_stop = True
        self._progress()

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
        path = self.job.directory / files.SAMPLES / f"{self.gan.iteration:07d}.png"
        picture(self.gan, self.parts.dataset, path)
        self.parts.logger.picture(self.gan.iteration, "samples", path)

    def _checkpoint(self) -> None:
        checkpoint.save(self.job.directory / files.CHECKPOINT, self.gan, self.job.signature, self.seconds)

    def _progress(self) -> None:
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
