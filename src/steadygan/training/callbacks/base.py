"""The interface of a run's callbacks: a Trainer calls them for a single run, a population for each of its members."""

import lightning
from lightning.pytorch.utilities.types import STEP_OUTPUT

from steadygan.training.context import RunContext


class RunCallback(lightning.Callback):
    """Acts on one run after its iterations.

    Args:
        run: the run.

    Attributes:
        every_rank: whether processes other than rank 0 have it, too.
    """

    every_rank = False

    def __init__(self, run: RunContext) -> None:
        self.run = run

    def on_run_start(self) -> None:
        """Act before the first iteration of a launch."""

    def after_iteration(self) -> None:
        """Act after an iteration that did not diverge; ``run.due`` says what is due."""

    def on_run_end(self) -> None:
        """Act when the run has ended, well or badly."""

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: STEP_OUTPUT,
        batch: object,
        batch_idx: int,
    ) -> None:
        """Act after an iteration of Lightning's Trainer."""
        self.after_batch(trainer, pl_module)

    def after_batch(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Act after an iteration of a Trainer, whether it diverged or not."""
        if self.run.gan.diverged_at is None:
            self.after_iteration()
