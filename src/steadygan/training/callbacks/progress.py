"""How far the run is, a few times a second."""

import contextlib
import time

from steadygan.runs.job import Event, PhaseProgress
from steadygan.training.callbacks.base import RunCallback
from steadygan.training.context import RunContext

PROGRESS_SECONDS = 0.3


class Progress(RunCallback):
    """Reports the iteration and the last scores."""

    def __init__(self, run: RunContext) -> None:
        super().__init__(run)
        self.reported_at = 0.0

    def after_iteration(self) -> None:
        """Report, unless that was done just now."""
        self.report()

    def report(self, phase: PhaseProgress | None = None) -> None:
        """Report, unless that was done just now; ``phase``: what goes on before the first iteration."""
        run, now = self.run, time.monotonic()
        if now - self.reported_at < PROGRESS_SECONDS and run.gan.iteration < run.job.iterations:
            return
        self.reported_at = now
        event: Event = {
            "kind": "progress",
            "iteration": run.gan.iteration,
            "iterations": run.job.iterations,
            "metrics": run.scores,
            "most": run.components.most,
        }
        if phase is not None:
            event["phase"] = phase
        with contextlib.suppress(BrokenPipeError):
            run.report(event)
