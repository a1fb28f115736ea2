"""The state of a GAN in training, for checkpoints, metrics and pictures, whichever engine trains it."""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from steadygan.config.node import PLAYERS
from steadygan.core.growing import Growth
from steadygan.core.state import State
from steadygan.core.step_batch import repeated
from steadygan.core.types import Apply, Tensors
from steadygan.data.base import Dataset
from steadygan.distributed.process_group import SingleProcess
from steadygan.training.components import Components
from steadygan.training.functional import functional
from steadygan.training.running_mean import RunningMean


class GANState:
    """The networks of a training state (see ``steadygan.core.state``) and how far they are.

    Attributes:
        diverged_at: the iteration whose logs were not finite; the state is the one before it.
        window: the logs since the last row.
        batch: samples that are generated at once where many are asked for.
        classes: that a conditional GAN can be asked for; None otherwise.
        ranks: the processes that train it.
    """

    iteration: int
    diverged_at: int | None
    window: RunningMean
    ranks: SingleProcess = SingleProcess()
    seed: int
    latent: int
    device: torch.device
    float_type: torch.dtype
    batch: int
    classes: int | None
    _state: State
    _dataset: Dataset
    _generate: Apply
    _critic: Apply
    _classifier: Apply | None
    _members: int
    _growth: Growth | None

    def _evaluate_with(self, components: Components) -> None:
        """Take the networks for ``sample``, ``critic`` and ``classify``."""
        networks, self._dataset, self.batch = components.networks, components.dataset, components.batch
        self._growth = components.algorithm.growth
        self.latent = networks["generator"].latent  # pyright: ignore[reportAttributeAccessIssue] modules have attributes of their own
        self.classes = getattr(networks["generator"], "classes", None)
        self._members = getattr(networks["discriminator"], "members", 1)
        evaluated = {name: functional(deepcopy(network).eval()) for name, network in networks.items()}
        functions = components.sampling.labelling.functions(evaluated)
        self._generate, self._critic = functions["generator"], functions["discriminator"]
        self._classifier = functions.get("classifier")

    @property
    def state(self) -> State:
        """The state after ``iteration`` iterations."""
        return self._state

    @state.setter
    def state(self, state: State) -> None:
        self._state = state
        self._on_state()

    def _on_state(self) -> None:
        """Take note of another state."""

    @property
    def dataset(self) -> Dataset:
        """The data set that it is trained on."""
        return self._dataset

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """``generator.*``, ``discriminator.*`` and ``generator_ema.*``, parameters and buffers."""
        players = {player: self.state.of(player).tensors for player in PLAYERS}
        players["generator_ema"] = self.state.ema
        return {f"{player}.{name}": value for player, values in players.items() for name, value in values.items()}

    @torch.no_grad()
    def sample(self, latents: Tensor, ema: bool = True, label: Tensor | None = None) -> Tensor:
        """Generated examples ``[n, *shape]`` for latents ``[n, latent]``, with the averaged generator by default.

        A conditional GAN is asked for the classes ``label [n]``.
        """
        values = self.state.ema if ema else self.state.generator.tensors
        return self._now("generator", self._generate)(values, values, latents, *_given(label))[0]

    def averaged(self) -> tuple[Apply, Tensors]:
        """Return the averaged generator as a function of its parameters and buffers, and these in one dict."""
        return self._now("generator", self._generate), self.state.ema

    def _now(self, player: str, apply: Apply) -> Apply:
        """Return a network that grows as it is at this iteration; others as they are."""
        if self._growth is None:
            return apply
        return getattr(self._growth.at(self.iteration), player)(apply)

    def labels(self, count: int, stream: str, seed: int | None = None) -> Tensor | None:
        """Classes ``[count]``, those of a batch of the data; None where the GAN is not conditional."""
        if self.classes is None:
            return None
        seed = self.seed if seed is None else seed
        batch = self._dataset.batch(seed, f"{stream}/labels", 0, count, device=self.device, dtype=self.float_type)
        return batch["y"]

    def critic(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """Return the discriminator's logits ``[n]``, without input noise; of several their mean.

        That of a conditional GAN takes the classes ``label [n]``; without them the logit is that of the class for
        which it is largest.
        """
        if self.classes is None or label is not None:
            return self._outputs(self._critic, x, label)
        every = torch.arange(self.classes, device=x.device).repeat_interleave(len(x))
        return self._outputs(self._critic, repeated(x, self.classes), every).unflatten(0, (self.classes, -1)).amax(0)

    def classify(self, x: Tensor) -> Tensor:
        """Return the class logits ``[n, K]`` of a discriminator that tells classes; of several their mean."""
        if self._classifier is None:
            raise TypeError("this discriminator tells no classes")
        return self._outputs(self._classifier, x.to(self.device, self.float_type), None)

    def _outputs(self, network: Apply, x: Tensor, label: Tensor | None) -> Tensor:
        discriminator, inputs = self.state.discriminator, repeated((x, *_given(label)), self._members)
        outputs, _ = self._now("discriminator", network)(discriminator.params, discriminator.buffers, *inputs)
        return outputs.unflatten(0, (self._members, -1)).mean(0)


def _given(label: Tensor | None) -> tuple[Tensor, ...]:
    return () if label is None else (label,)
