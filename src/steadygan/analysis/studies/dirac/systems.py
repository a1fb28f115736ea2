"""The Dirac-GAN and its absolutely continuous sibling as algorithms of the trainer.

One dimension: ``G(z) = theta + s z``, ``D(x) = psi x``, real ``x ~ N(0, s^2)``, ``z ~ N(0, 1)``. With ``s = 0`` that is
the Dirac-GAN (Mescheder et al. 2018, definition 2.1, with the sign of ``psi`` turned); with ``s > 0`` both
distributions have densities. Losses, penalties, noise, rules and games are those that train networks; expectations over
``x``, ``z`` and the input noise are sums over ``NODES`` quantiles, of mean 0 and variance 1 exactly.

Reference: Mescheder et al. (2018), definition 2.1, arXiv:1801.04406.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor
from torch.distributions import Normal

from steadygan.analysis.studies.dirac.settings import Settings
from steadygan.config.node import PLAYERS
from steadygan.core.autodiff import FuncBackend
from steadygan.core.ema import Ema
from steadygan.core.games import (
    Alternating,
    Consensus,
    Extragradient,
    Game,
    Optimistic,
    Simultaneous,
    Unrolled,
)
from steadygan.core.losses import Minimax, NonSaturating, Wasserstein
from steadygan.core.noise import identity, instance
from steadygan.core.objective import Objective
from steadygan.core.optimizers import Sgd, Sgld
from steadygan.core.optimizers.base import UpdateRule
from steadygan.core.regularizers import dragan, gradient_penalty, r1, r1_r2, r2, roth, weight_clip
from steadygan.core.state import PlayerState, State
from steadygan.core.step_batch import Batches, StepBatch
from steadygan.core.types import Loss, Networks, Penalty, Perturb, Project, Tensors
from steadygan.training.algorithm import Algorithm
from steadygan.training.step import step

NODES = 16
UPDATES = ("simultaneous", "alternating")
DTYPE = torch.float64
NOTHING = torch.zeros(1, dtype=DTYPE)


@dataclass(frozen=True)
class Method:
    """The parts of an algorithm beside the two networks."""

    loss: Loss = field(default_factory=Minimax)
    penalties: Mapping[str, Penalty] = field(default_factory=dict)
    projections: Mapping[str, Project] = field(default_factory=dict)
    perturb: Perturb = identity
    game: Callable[..., Game] | None = None
    langevin: Mapping[str, float] | None = None
    foresight: bool = False
    """Whether the game differs from the plain one by terms of the order of the step."""


def methods(s: Settings) -> dict[str, Method]:
    """Return all methods of the study, by name."""
    two_sided = partial(dragan, weight=s.weight, center=s.center, sigma=0.1)
    return {
        "unregularised": Method(),
        "nonsaturating": Method(loss=NonSaturating()),
        "wgan": Method(loss=Wasserstein(), projections={"weight_clip": partial(weight_clip, value=s.clip)}),
        "wgan_gp": Method(
            loss=Wasserstein(),
            penalties={"gradient_penalty": partial(gradient_penalty, weight=s.weight, center=s.center)},
        ),
        "dragan_one_sided": Method(penalties={"dragan": partial(two_sided, one_sided=True)}),
        "dragan_two_sided": Method(penalties={"dragan": two_sided}),
        "instance_noise": Method(perturb=partial(instance, sigma=s.sigma)),
        "consensus": Method(game=partial(Consensus, gamma=s.gamma)),
        "roth": Method(penalties={"roth": partial(roth, gamma=s.gamma)}),
        "r1": Method(penalties={"r1": partial(r1, gamma=s.gamma)}),
        "r2": Method(penalties={"r2": partial(r2, gamma=s.gamma)}),
        "r1_r2": Method(penalties={"r1_r2": partial(r1_r2, gamma=s.gamma, mix=s.mix)}),
        "unrolled": Method(game=partial(Unrolled, steps=s.unroll), foresight=True),
        "extragradient": Method(game=Extragradient, foresight=True),
        "optimistic": Method(game=Optimistic, foresight=True),
        "sgld": Method(langevin={"temperature": s.temperature, "prior_precision": s.prior_precision}),
    }


def generator(params: Tensors, buffers: Tensors, z: Tensor) -> tuple[Tensor, Tensors]:
    """Return ``[B, 1] -> [B, 1]``."""
    return params["theta"] + buffers["spread"] * z, buffers


def discriminator(params: Tensors, buffers: Tensors, x: Tensor) -> tuple[Tensor, Tensors]:
    """Return ``[B, 1] -> [B]``."""
    return (params["psi"] * x)[:, 0], buffers


def quantiles(count: int = NODES) -> Tensor:
    """Return ``[count]``: of N(0, 1), symmetric, scaled to variance 1."""
    nodes = Normal(0.0, 1.0).icdf((torch.arange(count, dtype=DTYPE) + 0.5) / count)
    nodes = (nodes - nodes.flip(0)) / 2
    return nodes / nodes.square().mean().sqrt()


class Silent(FuncBackend):
    """Spares the norms and cosines of an iteration's logs, which nobody reads here: a third of its operations."""

    def parts(self, tensors: Iterable[Tensor]) -> list[Tensor]:
        """Return one constant in place of the parts."""
        return [NOTHING]


@dataclass(frozen=True)
class System:
    """One method under one order of updates, as a map of the plane.

    Attributes:
        method: see ``methods``.
        update: ``simultaneous`` or ``alternating``.
        spread: standard deviation ``s`` of the data and of the generator's distribution; 0 is the Dirac-GAN.
        n_critic: moves of the discriminator under alternating updates.
    """

    method: Method
    update: str
    spread: float = 0.0
    n_critic: int = 1

    @property
    def moves(self) -> int:
        """Updates of the discriminator in an iteration."""
        return self.n_critic if self.update == "alternating" else 1

    def game(self) -> Game:
        """Who moves when."""
        if self.method.game is not None:
            return self.method.game(n_critic=self.moves, update=self.update)
        return Alternating(n_critic=self.moves) if self.update == "alternating" else Simultaneous()

    def algorithm(self, h: Tensor | float, game: Game, heat: float | None = None) -> Algorithm:
        """Return the algorithm at step ``h``; ``heat`` replaces SGLD's temperature."""
        method = self.method
        rules: dict[str, UpdateRule] = {player: Sgd(lr=h) for player in PLAYERS}
        if method.langevin is not None:
            langevin = {**method.langevin, **({} if heat is None else {"temperature": heat})}
            rules["discriminator"] = Sgld(step_size=h, **langevin)
        objective = Objective(method.loss, method.penalties, method.perturb)
        return Algorithm(Networks(generator, discriminator), objective, rules, method.projections, game, Ema(0.0))

    def size(self) -> int:
        """Size of the state that ``map`` takes: (theta, psi), and the game's own state."""
        return 4 if hasattr(self.game(), "init") else 2

    def map(self, x: Tensor, h: Tensor | float, noise: Tensor | None = None) -> Tensor:
        """Return one iteration of the trainer: ``[size] -> [size]``.

        Args:
            x: the state.
            h: the step.
            noise: N(0, 1) ``[moves]`` for SGLD; None is its mean, the map without noise.
        """
        return self._play(self.game(), x, h, noise)

    def flow(self, x: Tensor) -> Tensor:
        """Return the vector field ``[2]`` at ``(theta, psi)``: what an iteration adds, per step, as the step goes to 0.

        It is ``x' - x`` of simultaneous gradient descent with step 1; what a game does on top by looking ahead is of
        the order of the step and has no part in it.
        """
        game = getattr(self.game(), "limit", None) or Simultaneous()
        field = self._play(game, x, 1.0, None, clip=False) - x
        return field * torch.tensor([1.0, float(self.moves)], dtype=DTYPE)

    def _play(self, game: Game, x: Tensor, h: Tensor | float, noise: Tensor | None, clip: bool = True) -> Tensor:
        algorithm = self.algorithm(h, game, heat=0.0 if noise is None else None)
        if not clip:
            algorithm = replace(algorithm, projections={})
        params = {"generator": {"theta": x[0:1]}, "discriminator": {"psi": x[1:2]}}
        buffers = {"generator": {"spread": torch.tensor(self.spread, dtype=DTYPE)}, "discriminator": {}}
        players = {
            player: PlayerState(values, buffers[player], algorithm.rules[player].init(values))
            for player, values in params.items()
        }
        # The last gradients are of no effect: what is logged is not looked at.
        state = State(players["generator"], players["discriminator"], ema=players["generator"].tensors, last=params)
        stateful = hasattr(game, "init")
        if stateful:
            state = state._replace(game={"generator": {"theta": x[2:3]}, "discriminator": {"psi": x[3:4]}})
        new, _ = step(algorithm, Silent(), state, self._batches(game, noise), 0)
        parts = [new.generator.params["theta"], new.discriminator.params["psi"]]
        if stateful:
            parts += [new.game["generator"]["theta"], new.game["discriminator"]["psi"]]
        return torch.cat(parts)

    def _batches(self, game: Game, noise: Tensor | None) -> Batches:
        noisy = self.method.perturb is not identity
        nodes = [quantiles() if wanted else torch.zeros(1, dtype=DTYPE) for wanted in (self.spread != 0, noisy)]
        z, eps = (part.reshape(-1, 1) for part in torch.meshgrid(*nodes, indexing="ij"))
        eps = (eps if noisy else None,)
        penalty = {
            name: torch.full_like(z[:, 0], 0.5) if name == "gradient_penalty" else torch.zeros_like(z)
            for name in self.method.penalties
        }
        count = getattr(game, "critic_batches", game.n_critic)
        kicks = torch.zeros(count, dtype=DTYPE) if noise is None else noise
        critic = [
            StepBatch(z, self.spread * z, eps, eps, penalty, {"psi": kick[None]} if self.method.langevin else None)
            for kick in kicks
        ]
        real = self.spread * z if getattr(game, "uses_real", False) else None
        return {"discriminator": tuple(critic), "generator": (StepBatch(z, real, eps, eps),)}
