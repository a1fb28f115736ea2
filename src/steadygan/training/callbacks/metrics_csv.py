"""The rows of ``metrics.csv``."""

import lightning

from steadygan.runs import locks
from steadygan.training.callbacks.base import RunCallback


class MetricsCSV(RunCallback):
    """Writes the row of an iteration, on rank 0; all processes begin new means of their logs with it."""

    every_rank = True

    def after_iteration(self) -> None:
        """Write the row that is due."""
        run = self.run
        if run.due.row and not run.rank:
            locks.check(run.job.directory)
            run.rows.write(run.row)
        if run.due.logs:
            run.gan.window.reset()

    def after_batch(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Log the row to the Trainer as well, for callbacks of the user's own."""
        super().after_batch(trainer, module)
        if self.run.components.callbacks and self.run.gan.diverged_at is None and self.run.due.row:
            row = {name: float(value) for name, value in self.run.row.items() if value is not None}
            module.log_dict(row, logger=False)  # the loggers have it from us, as it is
            trainer.logged_metrics.update(trainer.callback_metrics)
