"""Checkpoints from which a run goes on to the same bits."""

from steadygan.training.callbacks.base import RunCallback


class ExactCheckpoint(RunCallback):
    """Writes ``checkpoints/``: all of the training state by iterations and minutes, and where a metric was best."""

    def after_iteration(self) -> None:
        """Write the checkpoints that are due."""
        run = self.run
        if run.due.evaluates and not run.sparing:
            run.checkpoints.save_best(run.gan, run.seconds, run.scores)
        if run.due.saves:
            run.save()
