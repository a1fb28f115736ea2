"""A callback of a user's own, as one would write it for any LightningModule."""

import lightning
import torch


class Watch(lightning.Callback):
    """Notes what it sees."""

    seen: list[dict] = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        weights = torch.cat([value.flatten() for value in pl_module.generator.parameters()])
        self.seen.append(
            {
                "step": trainer.global_step,
                "epoch": trainer.current_epoch,
                "index": batch_idx,
                "real": batch["discriminator"][0].real.shape,
                "weights": weights.detach().clone(),
                "callback_metrics": dict(trainer.callback_metrics),
                "logged_metrics": dict(trainer.logged_metrics),
                "zero": trainer.is_global_zero,
            }
        )
