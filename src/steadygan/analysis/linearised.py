"""A game at a state, on one fixed batch: its field, one of its iterations, and their Jacobians.

By the code that trains: ``step``, with the objective, penalties, noise, games and rules of the run, in float64. What is
not moved by gradients is held: buffers (running statistics, vectors of spectral norms), snapshots, what penalties keep,
and what counts updates, such as the powers in Adam's bias correction. What changes from iteration to iteration is taken
by its mean: lazy penalties count once in each, and a discriminator drawn for the generator is the mean over all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from steadygan.config.node import PLAYERS
from steadygan.core.aggregation import Mean
from steadygan.core.autodiff import FuncBackend
from steadygan.core.draws import stream_seed
from steadygan.core.games import Simultaneous
from steadygan.core.optimizers import Sgd
from steadygan.core.state import PlayerState, State
from steadygan.core.step_batch import Batches, repeated
from steadygan.core.types import Networks, Tensors, Tree
from steadygan.theory.spectrum import Operator, Product
from steadygan.training.algorithm import Algorithm
from steadygan.training.batches import BatchSampler
from steadygan.training.components import Components
from steadygan.training.networks import as_functions
from steadygan.training.players import AlgorithmPlayers
from steadygan.training.step import step

STREAM = "stability"
"""The stream of draws: the same batch for every state of a run."""


@dataclass(frozen=True)
class Scene:
    """All that a step needs but the variables.

    Attributes:
        algorithm: its schedules evaluated, in full precision.
        state: float64.
        batches: the draws, of one large batch each.
        iteration: generator updates behind the state.
    """

    algorithm: Algorithm
    state: State
    batches: Batches
    iteration: int

    def at(self, state: State) -> "Scene":
        """Another state of the same run, under the same draws."""
        return replace(self, state=doubled(state))


def doubled(tree: State) -> State:
    """Return a tree with its floating-point tensors in float64."""
    return tree_map(lambda leaf: leaf.double() if isinstance(leaf, Tensor) and leaf.is_floating_point() else leaf, tree)


def scene(components: Components, state: State, iteration: int, seed: int, size: int, index: int = 0) -> Scene:
    """Return the game of a run at one of its states.

    Args:
        components: of the run.
        state: see ``steadygan.core.state``.
        iteration: generator updates behind it; schedules are evaluated there.
        seed: of the run.
        size: examples of each batch.
        index: of the draws; others are independent.
    """
    state = doubled(state)
    params = state.params()
    latent: int = components.networks["generator"].latent  # pyright: ignore[reportAssignmentType] networks say it
    device = next(iter(params["generator"].values())).device
    derived_seed = stream_seed(seed, STREAM) >> 1  # what takes seeds takes those of 63 bits
    sampling = replace(components.sampling, every={}, aggregation=False)
    sampler = BatchSampler(components.dataset, sampling, latent, derived_seed, size, device, torch.float64)
    functions = components.sampling.labelling.functions(as_functions(components.networks, bf16=False))
    ensemble, batches = components.algorithm.ensemble, sampler.sample(index, params)
    if getattr(ensemble.aggregation, "noisy", False):
        ensemble = replace(ensemble, aggregation=Mean())
    algorithm = replace(components.algorithm, networks=Networks(**functions), ensemble=ensemble)
    if algorithm.growth is not None:
        batches = algorithm.growth.at(iteration).batches(batches)
    return Scene(algorithm.at(iteration), state, batches, iteration)


class Flat:
    """Trees of tensors of one shape as vectors."""

    def __init__(self, tree: Tree) -> None:
        leaves, self._spec = tree_flatten(tree)
        self._shapes = [leaf.shape for leaf in leaves]
        self._sizes = [leaf.numel() for leaf in leaves]
        self.size = sum(self._sizes)

    def vector(self, tree: Tree) -> Tensor:
        """Return ``[size]``."""
        return torch.cat([leaf.reshape(-1) for leaf in tree_flatten(tree)[0]])

    def tree(self, vector: Tensor) -> Tree:
        """Return the tree of a vector ``[size]``."""
        pieces = vector.split(self._sizes)
        return tree_unflatten([piece.view(shape) for piece, shape in zip(pieces, self._shapes)], self._spec)


def vjp(function: Callable[[Tensor], Tensor], x: Tensor) -> Callable[[Tensor], Tensor]:
    """Return ``v -> J^T v`` of ``function: [n] -> [m]`` at ``x``."""
    _, pull, *_ = torch.func.vjp(function, x)
    return lambda along: pull(along)[0]


def jvp(function: Callable[[Tensor], Tensor], x: Tensor) -> Callable[[Tensor], Tensor]:
    """Return ``v -> J v``, as the pullback of ``J^T v``, which is linear in ``v``.

    Whatever can be differentiated backwards will do, and both graphs are built once for all products.
    """
    return vjp(vjp(function, x), torch.zeros_like(function(x)))


def jacobian(function: Callable[[Tensor], Tensor], x: Tensor) -> Operator:
    """Return the Jacobian of ``function: [n] -> [n]`` at ``x``, by its products alone."""
    pull = vjp(function, x)
    push = vjp(pull, torch.zeros_like(x))

    def on_arrays(product: Callable[[Tensor], Tensor]) -> Product:
        return lambda v: product(torch.as_tensor(v, dtype=x.dtype, device=x.device)).detach().cpu().numpy()

    return Operator(len(x), on_arrays(push), on_arrays(pull))


class Field:
    """``v = (-grad_theta L_G, -grad_psi L_D)``, what both players follow, as a function of all parameters.

    It is what one iteration adds under gradient descent with step 1 where both move at once. A game that bends the
    field (consensus optimisation, symplectic adjustment) has the bent one, and an unrolled one whose generator
    minimises the value has that of the zero-sum game; what games do by looking ahead is of the order of the step, and
    no part of a field.
    """

    def __init__(self, of: Scene) -> None:
        self.scene = of
        params = of.state.params()
        self.flat = Flat(params)
        self.x = self.flat.vector(params)
        self._game = getattr(of.algorithm.game, "limit", None) or Simultaneous()
        plain = replace(of.algorithm, rules=dict.fromkeys(PLAYERS, Sgd(lr=1.0)), projections={}, game=self._game)
        self._players = AlgorithmPlayers(plain, FuncBackend(), lambda grads: grads)
        self._batches = {player: batches[:1] for player, batches in of.batches.items()}
        self._rules = {player: Sgd(lr=1.0).init(params[player]) for player in PLAYERS}

    def __call__(self, x: Tensor) -> Tensor:
        """Return ``[n] -> [n]``."""
        params = self.flat.tree(x)
        state = self.scene.state
        for player in PLAYERS:
            own = state.of(player)._replace(params=params[player], rule=self._rules[player])
            state = state.with_player(player, own)
        moved, _ = self._game.play(self._players, state, self._batches)
        return self.flat.vector(moved.params()) - x

    def outputs(self, x: Tensor) -> Tensor:
        """Return the outputs of both networks in one vector: samples, and logits of the data and of the samples."""
        params, algorithm, state = self.flat.tree(x), self.scene.algorithm, self.scene.state
        (batch,) = self._batches["discriminator"]
        made = self._made(params)
        # The discriminator on samples that stay: each network's own change, and not one through the other.
        batch = batch.repeated(algorithm.ensemble.members)
        logits = [
            algorithm.networks.discriminator(
                params["discriminator"], state.discriminator.buffers, shown, *batch.condition
            )
            for shown in (batch.real, self._fake)
        ]
        return torch.cat([made.flatten(), *(logit.flatten() for logit, _ in logits)])

    @cached_property
    def _fake(self) -> Tensor:
        return repeated(self._made(self.flat.tree(self.x)), self.scene.algorithm.ensemble.members)

    def _made(self, params: Mapping[str, Tensors]) -> Tensor:
        generator, (batch,) = self.scene.algorithm.networks.generator, self._batches["discriminator"]
        buffers = self.scene.state.generator.buffers
        return generator(params["generator"], buffers, batch.latent, *batch.condition)[0]

    def operator(self) -> Operator:
        """Return its Jacobian at the state."""
        return jacobian(self, self.x)


class Iteration:
    """One iteration as a map of all parameters, and of what rules (both moments of Adam) and game keep."""

    def __init__(self, of: Scene) -> None:
        self.scene = of
        moving = self._moving(of.state)
        self.flat = Flat(moving)
        self.x = self.flat.vector(moving)

    def _moving(self, state: State) -> Tree:
        """Return the tensors that the map is of."""
        rules = self.scene.algorithm.rules
        tree = {
            player: {"params": state.of(player).params, "rule": _without(state.of(player).rule, rules[player].counters)}
            for player in PLAYERS
        }
        return {**tree, "game": _without(state.game, getattr(self.scene.algorithm.game, "counters", ()))}

    def __call__(self, x: Tensor) -> Tensor:
        """Return ``[n] -> [n]``."""
        moving, state = self.flat.tree(x), self.scene.state
        for player in PLAYERS:
            own, new = state.of(player), moving[player]
            state = state.with_player(player, PlayerState(new["params"], own.buffers, _with(own.rule, new["rule"])))
        state = state._replace(game=_with(state.game, moving["game"]))
        algorithm, batches = self.scene.algorithm, self.scene.batches
        new, _ = step(algorithm, FuncBackend(), state, batches, self.scene.iteration)
        return self.flat.vector(self._moving(new))

    def operator(self) -> Operator:
        """Return its Jacobian at the state."""
        return jacobian(self, self.x)


def _without(state: Tree, counters: tuple[str, ...]) -> Tree:
    """Return the state of a rule or game without the keys that count its updates."""
    kept = {key: value for key, value in state.items() if key not in counters}
    return {key: _without(value, counters) if isinstance(value, dict) else value for key, value in kept.items()}


def _with(state: Tree, moving: Tree) -> Tree:
    """Return the state with the tensors of ``moving`` in place of those under the same key."""
    new = {key: _with(state[key], value) if isinstance(value, dict) else value for key, value in moving.items()}
    return {**state, **new}
