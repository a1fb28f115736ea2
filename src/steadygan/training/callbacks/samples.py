"""Pictures of samples, as often as there are metrics."""

from steadygan.runs import files
from steadygan.training.callbacks.base import RunCallback


class Samples(RunCallback):
    """Writes ``samples/ITERATION.png``."""

    def after_iteration(self) -> None:
        """Draw where there are new scores."""
        if self.run.due.evaluates:
            self.draw()

    def draw(self) -> None:
        """Draw the present state, unless the run is to have no pictures."""
        run = self.run
        if not run.sparing:
            path = run.job.directory / files.SAMPLES / f"{run.gan.iteration:07d}.png"
            run.draw(path)
            run.components.logger.picture(run.gan.iteration, "samples", path)
