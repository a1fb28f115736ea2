"""Which checkpoints a run has on disk: the last ones, and the one that a metric liked best."""

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from steadygan import files
from steadygan.engines import checkpoint
from steadygan.engines.components import Job
from steadygan.engines.gan_state import GANState
from steadygan.errors import UserError


class Keeping:
    """Writes the checkpoints of one run, and finds the one to go on from.

    ``checkpoints/last.ckpt`` is the newest; those that were last before it keep their iteration as a name, so that
    there are ``keep_checkpoints`` in all. ``checkpoints/best.ckpt`` is where the metric ``keep_best`` was best.

    Args:
        job: the run.
        directions: of its metrics, ``max`` or ``min`` by name.
        clock: seconds.
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

    def resume(self, gan: GANState, tell: Callable[[str], None]) -> float | None:
        """Put the newest checkpoint that is sound into ``gan``.

        Args:
            gan: freshly built.
            tell: told of each checkpoint that was refused.

        Returns:
            The seconds spent until that checkpoint; None where there is none, and the run begins.

        Raises:
            Unreadable: a checkpoint is there and cannot be opened.
        """
        for path in files.checkpoints(self.job.directory):
            try:
                saved = read(path, self.job.signature)
                checkpoint.restore(gan, saved)
            except files.Unreadable:
                raise  # a passing fault must not send the run back to where an older checkpoint was
            except UserError as error:
                tell(f"{_named(path, error)}; it is not used")
                continue
            self._last = gan.iteration if path.name == Path(files.CHECKPOINT).name else None
            return saved["seconds"]
        return None

    def recall(self, rows: Iterable[Mapping[str, str]]) -> None:
        """Take the best value so far from the rows; one whose checkpoint is not there does not count."""
        if self.metric and (self.job.directory / files.BEST).exists():
            values = [float(row[key]) for row in rows if row.get(key := f"metric/{self.metric}")]
            self.best = max((self.sign * value for value in values if math.isfinite(value)), default=None)

    def overdue(self) -> bool:
        """Return whether the last checkpoint was written ``checkpoint_minutes`` ago."""
        return self.clock() - self.written >= self.seconds

    def save(self, gan: GANState, seconds: float) -> None:
        """A new ``last.ckpt``; the one before keeps its iteration as a name, the oldest ones go."""
        path, keep = self.job.directory / files.CHECKPOINT, self.job.config["keep_checkpoints"]

        def rotate() -> None:
            if keep > 1 and self._last not in (None, gan.iteration):
                _second_name(path, path.with_name(f"{self._last:07d}.ckpt"))

        checkpoint.save(path, gan, self.job.signature, seconds, rotate)
        self._last, self.written = gan.iteration, self.clock()
        for old in [found for found in files.checkpoints(self.job.directory) if found != path][keep - 1 :]:
            old.unlink(missing_ok=True)

    def judge(self, gan: GANState, seconds: float, metrics: Mapping[str, float]) -> None:
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


def standing(job: Job) -> int:
    """Return the iteration from which a job goes on."""
    for path in files.checkpoints(job.directory):
        with contextlib.suppress(UserError, KeyError):
            return int(read(path, job.signature)["iteration"])
    return 0


def _named(path: Path, error: UserError) -> str:
    return str(error) if str(error).startswith(str(path)) else f"{path}: {error}"


def _second_name(path: Path, name: Path) -> None:
    """Let ``path`` be found under ``name`` as well; where there are no hard links, under ``name`` alone."""
    with contextlib.suppress(FileNotFoundError):  # somebody removed it: then there is nothing to keep
        name.unlink(missing_ok=True)
        try:
            os.link(path, name)
        except FileNotFoundError:
            raise
        except OSError:
            os.replace(path, name)
