"""Stopping after an iteration: at a signal to any of the processes, or because the training has diverged."""

import lightning

from steadygan.training.callbacks.base import RunCallback


class StopOnSignal(RunCallback):
    """Stops a Trainer where the run stops, and tells it how far the run is."""

    every_rank = True

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Take the signals back from Lightning."""
        self.run.gan.ranks.interrupt.install()
        # One that came since Lightning had taken the signals is known to us; Lightning would raise SystemExit at it.
        trainer._signal_connector.received_sigterm = False

    def after_batch(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Say how far the run is, and stop where it stops."""
        gan = self.run.gan
        # No optimizer of Lightning's does that, and what goes by `trainer.global_step` would never act.
        trainer.fit_loop.epoch_loop.manual_optimization.optim_step_progress.total.completed = gan.iteration
        if gan.diverged_at is not None or gan.ranks.stops:
            trainer.should_stop = True
