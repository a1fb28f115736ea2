"""A logger of Lightning's: TensorBoard, CSV, MLflow, ..."""

import functools
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from steadygan.common.errors import UserError, first_line
from steadygan.loggers.base import flatten
from steadygan.loggers.guard import Guard
from steadygan.runs.job import Job

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger

SECONDS = 60.0
"""That a call of a logger may take."""

CALLED = ("log_metrics", "log_hyperparams", "log_graph", "save", "finalize")
"""The methods that a run or a Trainer calls."""


class LightningLogger:
    """Passes a run's rows to a logger of Lightning's; pictures too, where it has TensorBoard's ``add_image``.

    Args:
        make: returns the logger, given ``save_dir``: the run's folder.

    Attributes:
        logger: while the run is open; its methods do not raise.

    Raises:
        UserError: at construction, if a package is missing.
    """

    def __init__(self, make: "Callable[..., Logger]") -> None:
        self._make = make
        try:
            self._make(save_dir=".")  # Lightning's loggers look for their packages now, and write only later
        except Exception as error:
            missing = error if isinstance(error, ImportError) else error.__cause__
            if isinstance(missing, ImportError):
                raise UserError(self._missing(missing)) from error
            raise
        self.logger: Logger | None = None
        self._guard = Guard("The logger")

    def _missing(self, error: ImportError) -> str:
        problem = first_line(error) or "a package is missing"
        return f"logger: {problem}\nOr choose another: logger=wandb, logger=csv, logger=none"

    def open(self, job: Job) -> None:
        """Open the logger in the run's folder and give it the resolved config."""

        def begin() -> None:
            logger = self._make(save_dir=str(job.directory))
            for name in CALLED:
                setattr(logger, name, functools.partial(self._call, getattr(logger, name)))
            self.logger = logger

        if self._guard(begin, SECONDS) and self.logger is not None:
            self.logger.log_hyperparams(flatten(job.config))

    def _call(self, method: Callable[..., None], *args: object, **kwargs: object) -> None:
        self._guard(lambda: method(*args, **kwargs), SECONDS)

    def row(self, row: Mapping[str, float]) -> None:
        """One row at the step ``iteration``."""
        if self.logger is not None:
            values = {key: value for key, value in row.items() if key != "iteration"}
            self.logger.log_metrics(values, step=int(row["iteration"]))

    def picture(self, iteration: int, name: str, path: Path) -> None:
        """The PNG file's pixels, for loggers that take pictures the way TensorBoard does."""

        def log() -> None:
            import numpy as np
            from PIL import Image

            add_image = getattr(getattr(self.logger, "experiment", None), "add_image", None)
            if add_image is not None:
                with Image.open(path) as opened:
                    pixels = np.asarray(opened.convert("RGB"), dtype=np.uint8)
                add_image(name, pixels, iteration, dataformats="HWC")

        self._guard(log, SECONDS)

    def close(self, summary: Mapping[str, object]) -> None:
        """Write what is still in memory."""
        logger, self.logger = self.logger, None
        if logger is not None:
            logger.save()
            # Lightning knows no other status
            logger.finalize("success" if summary.get("status") == "completed" else "failed")


class Adapter(LightningLogger):
    """The former way to name a logger of Lightning's: its own ``_target_`` in the group ``logger`` is enough.

    Args:
        logger: a partial of a Lightning logger.
        package: what to install where the logger finds something missing.
    """

    def __init__(self, logger: "Callable[..., Logger]", package: str = "") -> None:
        text = f"{__name__}.Adapter is not needed any more: logger._target_ may name a logger of Lightning's itself"
        warnings.warn(text, FutureWarning, stacklevel=2)
        self._package = package
        super().__init__(logger)

    def _missing(self, error: ImportError) -> str:
        remedy = f"\nInstall it: pip install {self._package}" if self._package else ""
        return super()._missing(error).replace("\nOr", f"{remedy}\nOr", 1)
