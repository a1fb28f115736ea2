"""The LightningModule of one GAN: it holds the state, calls the step and logs; no maths."""

from copy import deepcopy
from typing import Any

import lightning
import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from steadygan.core.autodiff import Tape
from steadygan.engines.dealer import Dealer
from steadygan.engines.functional import functional, tensors
from steadygan.engines.parts import Parts
from steadygan.engines.step import PLAYERS, initial_state, step


class GAN(lightning.LightningModule):
    """One GAN under manual optimisation; a Lightning batch is the number of an iteration.

    ``state`` is the training state (see ``steadygan.engines.step``); ``state_dict`` is its networks, by player.
    """

    def __init__(self, parts: Parts, seed: int, batch_size: int, dtype: torch.dtype):
        super().__init__()
        self.automatic_optimization = False
        self.parts = parts
        self.seed, self.batch_size, self.float_type = seed, batch_size, dtype
        self.state = initial_state(parts.sentence, {name: tensors(net) for name, net in parts.networks.items()})
        self.iteration = 0
        self.diverged_at: int | None = None
        self.window = Window()
        self.latent = parts.networks["generator"].latent
        evaluated = {name: functional(deepcopy(network).eval()) for name, network in parts.networks.items()}
        self._sampler, self._critic = evaluated["generator"], evaluated["discriminator"]

    def configure_optimizers(self) -> None:
        """None: the rules are part of the step."""

    def on_fit_start(self) -> None:
        self.to_device(self.device)

    def to_device(self, device: torch.device) -> None:
        """Move the state and make draws there."""
        self.state = tree_map(lambda t: t.to(device) if isinstance(t, Tensor) else t, self.state)
        self.dealer = Dealer(
            self.parts.dataset, self.parts.wants, self.latent, self.seed, self.batch_size, device, self.float_type
        )

    def training_step(self, iteration: int, _: int) -> None:
        params = {player: self.state[player]["params"] for player in PLAYERS}
        turns = self.dealer.deal(iteration, params)
        state, logs = step(self.parts.sentence, Tape(), self.state, turns, iteration)
        if not self.window.add(logs):
            self.diverged_at = iteration + 1
            return
        self.state, self.iteration = state, iteration + 1

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """``generator.*``, ``discriminator.*`` and ``generator_ema.*``, parameters and buffers."""
        players = {player: {**self.state[player]["params"], **self.state[player]["buffers"]} for player in PLAYERS}
        players["generator_ema"] = self.state["ema"]
        return {f"{player}.{name}": value for player, values in players.items() for name, value in values.items()}

    @torch.no_grad()
    def sample(self, latents: Tensor, ema: bool = True) -> Tensor:
        """Generated examples ``[n, *shape]`` for latents ``[n, latent]``, with the averaged generator by default."""
        own = self.state["generator"]
        values = self.state["ema"] if ema else {**own["params"], **own["buffers"]}
        return self._sampler(values, values, latents)[0]

    def critic(self, x: Tensor) -> Tensor:
        """The discriminator's logits ``[n]``, without input noise."""
        own = self.state["discriminator"]
        return self._critic(own["params"], own["buffers"], x)[0]


class Window:
    """The mean of the logs since the last row."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.total: Tensor | None = None
        self.count = 0

    def add(self, logs: dict[str, Tensor]) -> bool:
        """Count one iteration in; False, and no change, where anything is not finite."""
        self.names = list(logs)
        values = torch.stack(list(logs.values())).double()
        if not bool(torch.isfinite(values.sum())):
            return False
        self.total = values if self.total is None else self.total + values
        self.count += 1
        return True

    def means(self) -> dict[str, float]:
        """The mean of each log; empty before the first iteration."""
        return {} if self.total is None else dict(zip(self.names, (self.total / self.count).tolist()))

    def reset(self) -> None:
        self.total, self.count = None, 0

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"names": self.names, "total": self.total, "count": self.count}

    def restore(self, state: dict[str, Any]) -> None:
        self.names, self.total, self.count = state["names"], state["total"], state["count"]
