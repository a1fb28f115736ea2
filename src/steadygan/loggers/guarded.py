"""A logger of the user's own, which may fail; a run may not because of it."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from steadygan.loggers.base import RunLogger
from steadygan.loggers.guard import FAILURES, describe
from steadygan.runs.job import Job

_log = logging.getLogger("steadygan")


class Guarded:
    """Hands everything on until a call fails; says so once, and hands on no more.

    Args:
        logger: may raise.
    """

    def __init__(self, logger: RunLogger) -> None:
        self.logger, self.failed = logger, False

    def open(self, job: Job) -> None:
        """See ``RunLogger``."""
        self._call(self.logger.open, job)

    def row(self, row: Mapping[str, float]) -> None:
        """See ``RunLogger``."""
        self._call(self.logger.row, row)

    def picture(self, iteration: int, name: str, path: Path) -> None:
        """See ``RunLogger``."""
        self._call(self.logger.picture, iteration, name, path)

    def close(self, summary: Mapping[str, object]) -> None:
        """See ``RunLogger``."""
        self._call(self.logger.close, summary)

    def _call(self, method: Callable[..., None], *arguments: object) -> None:
        if self.failed:
            return
        try:
            method(*arguments)
        except FAILURES as error:
            self.failed = True
            _log.warning("%s stopped logging (%s); the run goes on", type(self.logger).__name__, describe(error))
