"""What a process that writes no files does between iterations."""

from steadygan.engines.bookkeeper import Due
from steadygan.engines.components import Components, Job
from steadygan.engines.evaluate import both
from steadygan.engines.gan_state import GANState
from steadygan.engines.interrupt import Interrupt


class Bystander:
    """Stands where the ``Bookkeeper`` of process 0 stands; of its duties it shares those that all have to share.

    Args:
        components: of the run.
        job: the run.
        gan: what trains.
    """

    def __init__(self, components: Components, job: Job, gan: GANState) -> None:
        self.components, self.job, self.gan = components, job, gan
        self.interrupt = Interrupt()

    def open(self) -> None:
        """Process 0 does."""

    def tell(self, text: str) -> None:
        """Process 0 does."""

    def after(self) -> None:
        """Its share of the metrics."""
        due = Due.after(self.gan.iteration, self.job.config, self.job.iterations)
        if due.evaluates:
            both(self.gan, self.components)
        if due.logs:
            self.gan.window.reset()

    def close(self) -> str:
        """Return how the run ended, as process 0 says it to all."""
        if self.gan.diverged_at is not None:
            return "diverged"
        return "completed" if self.gan.iteration >= self.job.iterations else "preempted"

    def logger_close(self) -> None:
        """Process 0 does."""
