"""The LightningModule of one GAN: it holds the state, calls the step and logs; no maths."""

from typing import Any

import lightning
import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from steadygan.core.autodiff import AutogradBackend
from steadygan.distributed.process_group import SingleProcess
from steadygan.training.batches import BatchSampler
from steadygan.training.components import Components
from steadygan.training.functional import tensors
from steadygan.training.running_mean import RunningMean
from steadygan.training.state import GANState
from steadygan.training.step import PLAYERS, initial_state, step


class GANModule(GANState, lightning.LightningModule):
    """One GAN under manual optimisation; a Lightning batch is the number of an iteration.

    ``state`` is the training state (see ``steadygan.training.step``); ``state_dict`` is its networks, by player.
    """

    def __init__(
        self, components: Components, seed: int, batch_size: int, dtype: torch.dtype, ranks: SingleProcess | None = None
    ) -> None:
        super().__init__()
        self.ranks = ranks or SingleProcess()
        self.automatic_optimization = False
        self.components = components
        self.seed, self.batch_size, self.float_type = seed, batch_size, dtype
        self.state = initial_state(
            components.algorithm, {name: tensors(net) for name, net in components.networks.items()}
        )
        self.iteration = 0
        self.diverged_at: int | None = None
        self.window = RunningMean()
        self._evaluate_with(components)

    def configure_optimizers(self) -> None:
        """None: the rules are part of the step."""

    def on_fit_start(self) -> None:
        self.to_device(self.device)

    def to_device(self, device: torch.device) -> None:
        """Move the state and make draws there."""
        self.state = tree_map(lambda t: t.to(device) if isinstance(t, Tensor) else t, self.state)
        self.window.total = None if self.window.total is None else self.window.total.to(device)
        self.sampler = BatchSampler(
            self.components.dataset,
            self.components.sampling,
            self.latent,
            self.seed,
            self.batch_size,
            device,
            self.float_type,
            self.ranks.slice(self.batch_size),
        )

    def progress(self) -> dict[str, Any]:
        """Return all that a process needs to go on where this one is; on the CPU."""
        state = tree_map(lambda t: t.cpu() if isinstance(t, Tensor) else t, self.state)
        return {"state": state, "iteration": self.iteration, "window": self.window.state()}

    def adopt(self, progress: dict[str, Any]) -> None:
        """Go on where another process is."""
        self.state, self.iteration = progress["state"], progress["iteration"]
        self.window.restore(progress["window"])

    def training_step(self, iteration: int, _: int) -> None:
        params = {player: self.state[player]["params"] for player in PLAYERS}
        batches = self.sampler.sample(iteration, params)
        state, logs = step(
            self.components.algorithm, AutogradBackend(), self.state, batches, iteration, self.ranks.average_grads
        )
        if not self.window.add(self.ranks.reduce_logs(logs)):
            self.diverged_at = iteration + 1
            return
        self.state, self.iteration = self.ranks.sync_buffers(state), iteration + 1
