"""The metrics, now and then."""

from steadygan.training.callbacks.base import RunCallback


class Evaluation(RunCallback):
    """Adds ``metric/*`` to the row of an iteration; all processes generate a share of the samples."""

    every_rank = True

    def after_iteration(self) -> None:
        """Score the present state where that is due."""
        run = self.run
        if run.due.evaluates:
            run.scores = run.evaluate()
            run.row.update({f"metric/{name}": value for name, value in run.scores.items()})
