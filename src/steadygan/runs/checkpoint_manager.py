"""The checkpoints of a run on disk: the newest ones and the best one by a metric."""

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from steadygan.common.errors import UserError
from steadygan.runs import checkpoint, files
from steadygan.runs.job import Job
from steadygan.training.state import GANState


class CheckpointManager:
    """Writes the checkpoints of one run and finds the one to resume from.

    ``checkpoints/last.ckpt`` is the newest; those that were last before it keep their iteration as a name, so that
    there are ``keep_checkpoints`` in all. ``checkpoints/best.ckpt`` is where the metric ``keep_best`` was best.

    Args:
        job: the run.
        directions: ``max`` or ``min`` by name of metric.
        clock: returns seconds.
    """

    def __init__(self, job: Job, directions: Mapping[str, str], clock: Callable[[], float] = time.monotonic) -> None:
        self.job, self.clock = job, clock
        minutes = job.config["checkpoint_minutes"]
        self.seconds = math.inf if minutes is None else 60.0 * minutes
        self.metric = job.config["keep_best"]
        self.sign = -1.0 if directions.get(self.metric) == "min" else 1.0
        self.best: float | None = None
        self.written = clock()
        self._last: int | None = None

    def resume(self, gan: GANState, report: Callable[[str], None]) -> float | None:
        """Load the newest intact checkpoint into ``gan``.

        Args:
            gan: freshly built.
            report: called with a message for each checkpoint that was refused.

        Returns:
            The seconds of training until that checkpoint; None if there is none and the run begins.

        Raises:
            Unreadable: a checkpoint exists and cannot be opened.
        """
        for path in files.checkpoints(self.job.directory):
            try:
                saved = read(path, self.job.signature)
                checkpoint.restore(gan, saved)
            except files.Unreadable:
                raise  # a passing fault must not send the run back to an older checkpoint
            except UserError as error:
                report(f"{_named(path, error)}; it is not used")
                continue
            self._last = gan.iteration if path.name == Path(files.CHECKPOINT).name else None
            return saved["seconds"]
        return None

    def restore_best(self, rows: Iterable[Mapping[str, str]]) -> None:
        """Take the best value so far from the rows, provided that its checkpoint exists."""
        if self.metric and (self.job.directory / files.BEST).exists():
            values = [float(row[key]) for row in rows if row.get(key := f"metric/{self.metric}")]
            self.best = max((self.sign * value for value in values if math.isfinite(value)), default=None)

    def overdue(self) -> bool:
        """Return whether the last checkpoint is ``checkpoint_minutes`` old."""
        return self.clock() - self.written >= self.seconds

    def save(self, gan: GANState, seconds: float) -> None:
        """Write ``last.ckpt``; the one before is renamed after its iteration, the oldest ones are deleted."""
        path, keep = self.job.directory / files.CHECKPOINT, self.job.config["keep_checkpoints"]

        def rotate() -> None:
            if keep > 1 and self._last not in (None, gan.iteration):
                _second_name(path, path.with_name(f"{self._last:07d}.ckpt"))

        checkpoint.save(path, gan, self.job.signature, seconds, rotate)
        self._last, self.written = gan.iteration, self.clock()
        for old in [other for other in files.checkpoints(self.job.directory) if other != path][keep - 1 :]:
            old.unlink(missing_ok=True)

    def save_best(self, gan: GANState, seconds: float, metrics: Mapping[str, float]) -> None:
        """Write ``best.ckpt`` if the metric has never been better."""
        value = self.sign * metrics.get(self.metric, math.nan) if self.metric else math.nan
        if math.isfinite(value) and (self.best is None or value > self.best):
            checkpoint.save(self.job.directory / files.BEST, gan, self.job.signature, seconds)
            self.best = value


def read(path: Path, signature: str) -> dict[str, Any]:
    """Return a run's own checkpoint.

    Raises:
        UserError: it cannot be read, or is of another run.
    """
    saved = checkpoint.load(path)
    if saved.get("signature") != signature:
        raise UserError(f"{path}: a checkpoint of another run ({saved.get('signature')})")
    return saved


def resume_iteration(job: Job) -> int:
    """Return the iteration from which a job resumes; 0 without a readable checkpoint."""
    for path in files.checkpoints(job.directory):
        with contextlib.suppress(UserError, KeyError):
            return int(read(path, job.signature)["iteration"])
    return 0


def _named(path: Path, error: UserError) -> str:
    return str(error) if str(error).startswith(str(path)) else f"{path}: {error}"


def _second_name(path: Path, name: Path) -> None:
    """Hard-link ``path`` as ``name``; where hard links are not supported, rename it."""
    with contextlib.suppress(FileNotFoundError):  # removed meanwhile: there is nothing to keep
        name.unlink(missing_ok=True)
        try:
            os.link(path, name)
        except FileNotFoundError:
            raise
        except OSError:
            os.replace(path, name)
