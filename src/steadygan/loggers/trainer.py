"""The run's logger as a Trainer's, for callbacks of Lightning's that log something themselves."""

from argparse import Namespace

from lightning.pytorch.loggers import Logger

from steadygan.loggers.base import RunLogger
from steadygan.loggers.lightning import LightningLogger


class TrainerLogger(Logger):
    """Hands metrics on to a run's logger as rows.

    Args:
        logger: of the run.
    """

    def __init__(self, logger: RunLogger) -> None:
        super().__init__()
        self.logger = logger

    @property
    def name(self) -> str:
        """The folder, below the run's, of what callbacks write themselves, such as ``ModelCheckpoint``."""
        return "lightning"

    @property
    def version(self) -> str:
        """Nothing: there is one folder."""
        return ""

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Log a row at a step."""
        self.logger.row({"iteration": step or 0, **metrics})

    def log_hyperparams(self, params: dict[str, object] | Namespace, *args: object, **kwargs: object) -> None:
        """Do nothing: the run's logger has the whole config."""


def trainer_logger(logger: RunLogger) -> Logger:
    """Return the logger that a Trainer shows to callbacks: Lightning's own where the run has one."""
    own = logger.logger if isinstance(logger, LightningLogger) else None
    return TrainerLogger(logger) if own is None else own
