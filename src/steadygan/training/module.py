"""The LightningModule of one GAN: it holds the state and calls the step; no maths."""

from copy import deepcopy
from typing import Any

import lightning
import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from steadygan.config.node import PLAYERS
from steadygan.core.autodiff import AutogradBackend
from steadygan.core.step_batch import Batches
from steadygan.distributed.process_group import SingleProcess
from steadygan.training.algorithm import initial_state
from steadygan.training.batches import BatchSampler
from steadygan.training.components import Components
from steadygan.training.functional import mirror, tensors
from steadygan.training.running_mean import RunningMean
from steadygan.training.state import GANState
from steadygan.training.step import step


class GANModule(GANState, lightning.LightningModule):  # pyright: ignore[reportIncompatibleVariableOverride] `device`
    """One GAN; ``generator``, ``discriminator`` and ``generator_ema`` are its networks.

    ``state`` is the training state (see ``steadygan.core.state``); the networks' parameters and buffers are always
    those of it. ``state_dict`` is all of them, by player.
    """

    def __init__(
        self, components: Components, seed: int, batch_size: int, dtype: torch.dtype, ranks: SingleProcess | None = None
    ) -> None:
        super().__init__()
        self.ranks = ranks or SingleProcess()
        # The step is one pure function of the whole state, in which a game may differentiate through the updates of
        # both players: no optimizer of Lightning's can take a part of it.
        self.automatic_optimization = False
        self.components = components
        self.seed, self.batch_size, self.float_type = seed, batch_size, dtype
        self.generator, self.discriminator = (deepcopy(components.networks[player]) for player in PLAYERS)
        self.generator_ema = deepcopy(self.generator).requires_grad_(False)
        self._mirrors = {name: mirror(getattr(self, name)) for name in (*PLAYERS, "generator_ema")}
        self.state = initial_state(
            components.algorithm, {name: tensors(net) for name, net in components.networks.items()}
        )
        self.iteration = 0
        self.diverged_at: int | None = None
        self.window = RunningMean()
        self._evaluate_with(components)

    def _on_state(self) -> None:
        for player in PLAYERS:
            self._mirrors[player](self.state.of(player).tensors)
        self._mirrors["generator_ema"](self.state.ema)

    def configure_optimizers(self) -> None:
        """None: the rules are part of the step."""

    def on_fit_start(self) -> None:
        """Move to the Trainer's device."""
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

    def draw(self, iteration: int) -> Batches:
        """Return the data and random draws of an iteration, this process's part of them."""
        return self.sampler.sample(iteration, self.state.params())

    def transfer_batch_to_device(self, batch: Batches, device: torch.device, dataloader_idx: int) -> Batches:
        """Return the batch, which was drawn on the device."""
        return batch

    def training_step(self, batch: Batches, batch_idx: int) -> None:
        """Take one step on the batches of the present iteration; keep the state where it diverges."""
        algorithm, average = self.components.algorithm, self.ranks.average_grads
        state, logs = step(algorithm, AutogradBackend(), self.state, batch, self.iteration, average)
        if not self.window.add(self.ranks.reduce_logs(logs)):
            self.diverged_at = self.iteration + 1
            return
        self.state, self.iteration = self.ranks.sync_buffers(state), self.iteration + 1

    def advance(self, iteration: int | None = None) -> None:
        """Take the next step, or that of an ``iteration``, without a Trainer."""
        self.iteration = self.iteration if iteration is None else iteration
        self.training_step(self.draw(self.iteration), 0)
