"""No logger besides the run's own files."""

from steadygan.loggers.base import RunLogger


class NoLogger(RunLogger):
    """Listens and does nothing."""
