"""Sampling: all data and random draws of an iteration, as functions of (seed, stream, iteration)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from steadygan.config.node import PLAYERS
from steadygan.core.declare import declared
from steadygan.core.draws import Draw, generator, normal_like
from steadygan.core.noise import views
from steadygan.core.step_batch import StepBatch
from steadygan.core.types import Tensors
from steadygan.data.base import Dataset
from steadygan.training.algorithm import Algorithm
from steadygan.training.labelling import UNLABELLED, Labelling

ENGINE_KEYS = {"noise": ("draw", "copies"), "regularizer": ("draw", "every")}
"""Keys that speak to the engine, by group: the draw, the number of perturbed copies, how often a penalty is due."""


@dataclass(frozen=True)
class SamplingSpec:
    """Specify what is drawn for the methods of an algorithm."""

    noise: Draw
    copies: int
    penalties: Mapping[str, Draw]
    real_for_generator: bool
    noisy: frozenset[str]
    n_critic: int
    """Batches of the discriminator that are drawn an iteration."""
    updates: int = 1
    """Those of them that it is updated with; a game may only look ahead with the others."""
    critic_every: int = 1
    """It moves in one of so many iterations."""
    aggregation: bool = False
    labelling: Labelling = UNLABELLED
    smoothing: Draw | None = None
    zero_sum: bool = False
    """Whether the generator minimises the negative of the discriminator's loss, draws included."""
    every: Mapping[str, int] = field(default_factory=dict)
    """Periods of penalties and projections that are not due in each iteration, in iterations of the discriminator."""
    projections: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        algorithm: Algorithm,
        noise: Draw,
        copies: int,
        penalties: Mapping[str, Draw],
        shape: tuple[int, ...],
        labelling: Labelling = UNLABELLED,
        every: Mapping[str, int] | None = None,
    ) -> "SamplingSpec":
        """Collect what the methods of an algorithm declare; ``shape`` is that of one example.

        Copies of an example differ only by noise, so one is enough where none is drawn.
        """
        noisy = noise(torch.Generator(), (1, *shape), torch.float32) is not None
        return cls(
            noise=noise,
            copies=(copies if noisy else 1) * len(views(algorithm.objective.perturb)),
            penalties=penalties,
            real_for_generator=declared(algorithm.objective.loss, "uses_real", True)
            or declared(algorithm.game, "uses_real", False),
            noisy=frozenset(player for player in PLAYERS if algorithm.rules[player].noisy),
            n_critic=declared(algorithm.game, "critic_batches", algorithm.game.n_critic),
            updates=algorithm.game.n_critic,
            critic_every=declared(algorithm.game, "critic_every", 1),
            aggregation=declared(algorithm.ensemble.aggregation, "noisy", False),
            labelling=labelling,
            smoothing=declared(algorithm.objective.loss, "draw"),
            zero_sum=declared(algorithm.game, "uses_real", False),
            every={name: period for name, period in (every or {}).items() if period > 1},
            projections=tuple(algorithm.projections),
        )

    def due(self, iteration: int) -> dict[str, int] | None:
        """Return the penalties and projections that are due, and how often each counts; None: all, once.

        Where the discriminator moves in some iterations only, those are counted.
        """
        if not self.every:
            return None
        periods = {name: self.every.get(name, 1) for name in (*self.penalties, *self.projections)}
        return {name: period for name, period in periods.items() if iteration // self.critic_every % period == 0}

    def images(self, iterations: int, batch_size: int) -> int:
        """Return how many real examples the discriminator has been trained on after so many iterations."""
        return -(-iterations // self.critic_every) * self.updates * batch_size


@dataclass(frozen=True)
class BatchSampler:
    """Sample the batches of an iteration, for the global batch; a process of several keeps its ``shard`` of it."""

    dataset: Dataset
    sampling: SamplingSpec
    latent: int
    seed: int
    batch_size: int
    device: torch.device
    dtype: torch.dtype
    shard: slice = field(default_factory=lambda: slice(None))

    def sample(self, iteration: int, params: Mapping[str, Tensors]) -> dict[str, tuple[StepBatch, ...]]:
        """Return each player's batches in generator update number ``iteration`` (from 0), one for each of its updates.

        ``params`` holds each player's parameters: an update rule's noise is drawn in their shapes, the same in all
        processes.
        """
        first, due = iteration * self.sampling.n_critic, self.sampling.due(iteration)
        return {
            "discriminator": tuple(
                self._step_batch("discriminator", first + update, params, True, due)
                for update in range(self.sampling.n_critic)
            ),
            "generator": (self._step_batch("generator", iteration, params, real=self.sampling.real_for_generator),),
        }

    def latents(self, stream: str, index: int, count: int) -> Tensor:
        """Draw ``[count, latent]`` from N(0, I)."""
        return normal_like(self._generator(stream, index), (count, self.latent), self.dtype)

    def _step_batch(
        self,
        player: str,
        index: int,
        params: Mapping[str, Tensors],
        real: bool,
        due: Mapping[str, int] | None = None,
    ) -> StepBatch:
        shape = (self.batch_size, *self.dataset.shape)
        critic = player == "discriminator"
        labelling = self.sampling.labelling
        labelled = player in labelling.players
        examples = self._examples(player, index) if real or labelled else {}
        labels = labelling.batch_fields(player, index, examples, self.seed, self.dtype) if labelled else {}
        return StepBatch(
            latent=self.latents(f"latent/{player}", index, self.batch_size)[self.shard],
            real=self._keep(examples["x"]) if real else None,
            noise_real=self._noise(f"noise/real/{player}", index, shape) if real else (None,) * self.sampling.copies,
            noise_fake=self._noise(f"noise/fake/{player}", index, shape),
            penalty={
                name: self._keep(draw(self._generator(f"penalty/{name}", index), shape, self.dtype))
                for name, draw in self.sampling.penalties.items()
                if critic and (due is None or name in due)
            },
            rule=self._rule_noise(player, index, params[player]) if player in self.sampling.noisy else None,
            aggregation=self._draw_for_aggregation(index) if self.sampling.aggregation and not critic else None,
            smoothing=self._smoothing(player, index, shape) if critic or self.sampling.zero_sum else None,
            due=due,
            **{part: self._keep(value) for part, value in labels.items()},
        )

    def _examples(self, player: str, index: int) -> dict[str, Tensor]:
        return self.dataset.batch(
            self.seed, f"real/{player}", index, self.batch_size, device=self.device, dtype=self.dtype
        )

    def _noise(self, stream: str, index: int, shape: tuple[int, ...]) -> tuple[Tensor | None, ...]:
        source = self._generator(stream, index)
        return tuple(self._keep(self.sampling.noise(source, shape, self.dtype)) for _ in range(self.sampling.copies))

    def _smoothing(self, player: str, index: int, shape: tuple[int, ...]) -> Tensor | None:
        draw, stream = self.sampling.smoothing, "smoothing" if player == "discriminator" else f"smoothing/{player}"
        return None if draw is None else self._keep(draw(self._generator(stream, index), shape, self.dtype))

    def _rule_noise(self, player: str, index: int, params: Tensors) -> Tensors:
        source = self._generator(f"rule/{player}", index)
        return {name: normal_like(source, tuple(value.shape), self.dtype) for name, value in params.items()}

    def _draw_for_aggregation(self, index: int) -> Tensor:
        """Draw one number from U(0, 1), the same in all processes."""
        return torch.rand((), generator=self._generator("vote", index), dtype=self.dtype, device=self.device)

    def _keep(self, draw: Tensor | None) -> Tensor | None:
        return None if draw is None else draw[self.shard]

    def _generator(self, stream: str, index: int) -> torch.Generator:
        return generator(self.seed, stream, index, self.device)
