"""Any logger of Lightning's: TensorBoard, CSV, MLflow, ..."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from steadygan.common.errors import UserError
from steadygan.loggers.base import RunInfo, flatten
from steadygan.loggers.guard import Guard

_SECONDS = 60.0


class Adapter:
    """Passes a run's rows to ``logger(save_dir=<run folder>)``; pictures too, where it has TensorBoard's ``add_image``.

    Args:
        logger: a partial of a Lightning logger.
        package: what to install where the logger finds something missing.

    Raises:
        UserError: at construction, if a package is missing.
    """

    def __init__(self, logger: Callable[..., Any], package: str = ""):
        self._make = logger
        try:
            self._make(save_dir=".")  # Lightning's loggers look for their packages now, and write only later
        except ImportError as error:
            raise UserError(_missing(error, package)) from error
        self._logger: Any = None
        self._guard = Guard("The logger")

    def open(self, info: RunInfo) -> None:
        """Open the logger in the run's folder and give it the resolved config."""

        def begin() -> None:
            self._logger = self._make(save_dir=str(info.directory))
            self._logger.log_hyperparams(flatten(info.config))

        self._guard(begin, _SECONDS)

    def row(self, row: Mapping[str, float]) -> None:
        """One row at the step ``iteration``."""
        values = {key: value for key, value in row.items() if key != "iteration"}
        self._guard(lambda: self._logger.log_metrics(values, step=int(row["iteration"])), _SECONDS)

    def picture(self, iteration: int, name: str, path: Path) -> None:
        """The PNG file's pixels, for loggers that take pictures the way TensorBoard does."""

        def log() -> None:
            import numpy as np
            from PIL import Image

            add_image = getattr(self._logger.experiment, "add_image", None)
            if add_image is not None:
                with Image.open(path) as opened:
                    pixels = np.asarray(opened.convert("RGB"), dtype=np.uint8)
                add_image(name, pixels, iteration, dataformats="HWC")

        self._guard(log, _SECONDS)

    def close(self, summary: Mapping[str, Any]) -> None:
        """Write what is still in memory."""
        logger, self._logger = self._logger, None
        if logger is None:
            return
        status = "success" if summary.get("status") == "completed" else "failed"  # Lightning knows no others
        self._guard(lambda: (logger.save(), logger.finalize(status)), _SECONDS)


def _missing(error: ImportError, package: str) -> str:
    lines = str(error).strip().splitlines() or ["a package is missing"]
    remedy = f"\nInstall it: pip install {package}" if package else ""
    return f"logger: {lines[0]}{remedy}\nOr choose another: logger=wandb, logger=csv, logger=none"
