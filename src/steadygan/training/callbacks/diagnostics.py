"""Diagnostics of stability: how the losses oscillate, and the spectrum of the game."""

from steadygan.analysis.oscillation import Trailing
from steadygan.training import spectrum
from steadygan.training.callbacks.base import RunCallback
from steadygan.training.context import Due, RunContext


class Diagnostics(RunCallback):
    """Adds ``oscillation/*``, ``period/*`` and ``spectrum/*`` to the row of an iteration."""

    def __init__(self, run: RunContext) -> None:
        super().__init__(run)
        self.trailing = Trailing()

    def on_run_start(self) -> None:
        """Recall the losses of earlier launches."""
        rows = self.run.rows.read()
        self.trailing.recall(row for row in rows if Due.after(int(row["iteration"]), self.run.job).logs)

    def after_iteration(self) -> None:
        """Add the columns that are due."""
        run = self.run
        if run.due.logs:
            known = {key: value for key, value in run.row.items() if value is not None}
            run.row.update(self.trailing.after(known))
        if run.due.analyses:
            run.row.update(spectrum.measure(run.gan, run.components, run.job.config))
