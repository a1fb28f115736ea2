"""The part of processes other than rank 0 between iterations."""

from steadygan.common.signals import Interrupt
from steadygan.runs.job import Job
from steadygan.training.callbacks.bookkeeper import Due
from steadygan.training.components import Components
from steadygan.training.evaluate import both
from steadygan.training.state import GANState


class OtherRank:
    """Replaces the ``Bookkeeper``, which writes files on rank 0 only: takes part in what all ranks have to compute.

    Args:
        components: of the run.
        job: the run.
        gan: what trains.
    """

    def __init__(self, components: Components, job: Job, gan: GANState) -> None:
        self.components, self.job, self.gan = components, job, gan
        self.interrupt = Interrupt()

    def open(self) -> None:
        """Rank 0 only."""

    def report_message(self, text: str) -> None:
        """Rank 0 only."""

    def after(self) -> None:
        """Compute this rank's share of the metrics."""
        due = Due.after(self.gan.iteration, self.job.config, self.job.iterations)
        if due.evaluates:
            both(self.gan, self.components)
        if due.logs:
            self.gan.window.reset()

    def close(self) -> str:
        """Return how the run ended, the same on all ranks."""
        if self.gan.diverged_at is not None:
            return "diverged"
        return "completed" if self.gan.iteration >= self.job.iterations else "preempted"

    def logger_close(self) -> None:
        """Rank 0 only."""
