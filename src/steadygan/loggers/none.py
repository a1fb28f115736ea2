"""No logger besides the run's own files."""

from collections.abc import Mapping
from pathlib import Path

from steadygan.loggers.base import RunInfo


class NoLogger:
    """Listens and does nothing."""

    def open(self, info: RunInfo) -> None:
        """Nothing to open."""

    def row(self, row: Mapping[str, float]) -> None:
        """``metrics.csv`` has it."""

    def picture(self, iteration: int, name: str, path: Path) -> None:
        """The run's folder has it."""

    def close(self, summary: Mapping[str, object]) -> None:
        """``summary.json`` has it."""
