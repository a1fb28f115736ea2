"""A GAN variant as data: its networks, losses, update rules and the order of its updates."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from steadygan.config.node import PLAYERS, Built
from steadygan.core import settings
from steadygan.core.ema import Ema
from steadygan.core.ensembles import Ensemble
from steadygan.core.games import Game
from steadygan.core.growing import Growth
from steadygan.core.objective import Objective
from steadygan.core.optimizers.base import UpdateRule
from steadygan.core.state import PlayerState, State
from steadygan.core.types import Networks, Number, Project, Tensors, Tree
from steadygan.networks.labels import Labels, Unlabelled

METHODS = {
    "loss": ("objective", "loss"),
    "noise": ("objective", "perturb"),
    "discriminator.vote": ("ensemble", "aggregation"),
    "labels": ("labels",),
    "ema": ("ema",),
    "game": ("game",),
}
"""Where each method with hyperparameters is, by config key."""

FAMILIES = (("regularizer", ("objective", "penalties")), ("regularizer", ("projections",)), ("optimizer", ("rules",)))
"""Config groups of several such methods, and where they are: a mapping by name."""


@dataclass(frozen=True)
class Algorithm:
    """A GAN variant; its hyperparameters may be schedules.

    Attributes:
        growth: of networks that grow: when.
    """

    networks: Networks
    objective: Objective
    rules: Mapping[str, UpdateRule]
    projections: Mapping[str, Project]
    game: Game
    ema: Ema
    ensemble: Ensemble = field(default_factory=Ensemble)
    labels: Labels = field(default_factory=Unlabelled)
    growth: Growth | None = None

    def methods(self) -> dict[str, object]:
        """Return everything that has hyperparameters, by config key."""
        single = {key: _at(self, path) for key, path in METHODS.items()}
        return single | {f"{group}.{name}": one for group, path in FAMILIES for name, one in _at(self, path).items()}

    def map(self, change: Callable[[str, object], object]) -> "Algorithm":
        """Return the algorithm with ``change(config key, method)`` in place of each method."""
        new = self
        for key, path in METHODS.items():
            new = _put(new, path, change(key, _at(self, path)))
        for group, path in FAMILIES:
            new = _put(new, path, {name: change(f"{group}.{name}", one) for name, one in _at(self, path).items()})
        return new

    def hyperparameters(self) -> dict[str, Tree]:
        """Return the tree of all hyperparameters."""
        return {key: settings.hyperparameters(method) for key, method in self.methods().items()}

    def with_hyperparameters(self, tree: Mapping[str, Tree]) -> "Algorithm":
        """Return the algorithm with other hyperparameters, tensors for instance."""
        return self.map(lambda key, method: settings.with_hyperparameters(method, tree.get(key, {})))

    @property
    def scheduled(self) -> bool:
        """Whether any number depends on the iteration."""
        return any(
            settings.is_schedule(value)
            for method in self.methods().values()
            for value in settings.fields(method).values()
        )

    def at(self, t: Number) -> "Algorithm":
        """Return the algorithm at iteration ``t``: its schedules evaluated, growing networks at their stage."""
        now = self.map(lambda _, method: settings.at(method, t)) if self.scheduled else self
        if self.growth is None:
            return now
        return replace(now, networks=self.growth.at(t).networks(self.networks), growth=None)

    def in_stage(self, stage: int | None) -> "Algorithm":
        """Return the algorithm with the stage of growing networks fixed: the program of its iterations."""
        return self if self.growth is None else replace(self, growth=replace(self.growth, fixed=stage))


def initial_state(algorithm: Algorithm, networks: Mapping[str, tuple[Tensors, Tensors]]) -> State:
    """Return the state before the first iteration, from each player's parameters and buffers."""
    generator, discriminator = (
        PlayerState(*networks[player], algorithm.rules[player].init(networks[player][0])) for player in PLAYERS
    )
    state = State(
        generator,
        discriminator,
        ema={name: value.clone() for name, value in generator.tensors.items()},
        last={
            player: {name: torch.zeros_like(value) for name, value in networks[player][0].items()}
            for player in networks
        },
    )
    if (init := getattr(algorithm.game, "init", None)) is not None:
        state = state._replace(game=init(state.params()))
    if stateful := algorithm.at(0).objective.stateful:
        like = next(iter(discriminator.params.values()))
        aux_state = {key: method.init(algorithm.ensemble.members, like) for key, method in stateful.items()}
        state = state._replace(aux_state=aux_state)
    if algorithm.ensemble.snapshots.count:
        snapshots = algorithm.ensemble.snapshots.init(discriminator.params, discriminator.buffers)
        state = state._replace(snapshots=snapshots)
    return state


def _at(algorithm: object, path: Sequence[str]) -> Built:
    """Return what is at a path of attributes."""
    for name in path:
        algorithm = getattr(algorithm, name)
    return algorithm


def _put(owner: Built, path: Sequence[str], value: object) -> Built:
    """Return a nest of dataclasses with the value at a path replaced."""
    name, *rest = path
    return replace(owner, **{name: _put(getattr(owner, name), rest, value) if rest else value})
