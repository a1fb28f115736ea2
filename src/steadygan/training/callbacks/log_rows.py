"""The rows, to the logger."""

from steadygan.runs import files
from steadygan.training.callbacks.base import RunCallback


class LogRows(RunCallback):
    """Opens the run's logger, hands it each row, and closes it with what ``summary.json`` says."""

    def on_run_start(self) -> None:
        """Open the logger."""
        self.run.components.logger.open(self.run.job)

    def after_iteration(self) -> None:
        """Hand on the row that is due."""
        if self.run.due.row:
            row = self.run.row
            self.run.components.logger.row({name: value for name, value in row.items() if value is not None})

    def on_run_end(self) -> None:
        """Close the logger; a run that was not closed has failed."""
        summary = files.read_summary(self.run.job.directory) or {}
        status = {"status": "failed"} if summary.get("status") == "running" else {}
        self.run.components.logger.close({**summary, **status})
