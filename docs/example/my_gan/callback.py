"""A callback of the user's own, for Lightning's Trainer."""

import lightning


class Watch(lightning.Callback):
    """Prints how far the generator's weights are from zero, and the last score, at the end of each epoch."""

    def on_train_epoch_end(self, trainer, pl_module):
        size = sum(value.square().sum() for value in pl_module.generator.parameters()).sqrt()
        print(f"{trainer.global_step}: |G| {size:.3g}, modes {trainer.callback_metrics['metric/modes']:.0f}")
