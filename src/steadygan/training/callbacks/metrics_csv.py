"""The rows of ``metrics.csv``."""

from steadygan.runs import locks
from steadygan.training.callbacks.base import RunCallback


class MetricsCSV(RunCallback):
    """Writes the row of an iteration, on rank 0; all processes begin new means of their logs with it."""

    every_rank = True

    def after_iteration(self) -> None:
        run = self.run
        if run.due.row and not run.rank:
            locks.check(run.job.directory)
            run.rows.write(run.row)
        if run.due.logs:
            run.gan.window.reset()
