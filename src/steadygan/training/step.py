"""ONE pure training step: ``step(state, batches, t) -> (state, logs)``.

The single run calls it in eager mode, a population calls it under ``vmap``; neither adds mathematics of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from steadygan.config.node import PLAYERS
from steadygan.core import settings
from steadygan.core.autodiff import Backend, FuncBackend, per_sample_gradients
from steadygan.core.diagnostics import cosine, norm
from steadygan.core.ema import Ema
from steadygan.core.games import Game, Gradient, Logs, LookaheadFn, State
from steadygan.core.growing import Growth
from steadygan.core.objective import NO_AUX_STATE, Objective, StepBatch
from steadygan.core.optimizers.base import UpdateRule
from steadygan.core.snapshots import Snapshots
from steadygan.core.types import Number, Project, Tensors

PER_EXAMPLE = ("latent", "real", "noise_real", "noise_fake", "penalty", "label", "target", "target_weight", "smoothing")
"""The fields of a ``StepBatch`` that hold a row for each example; the others are shared by the whole batch."""
NETWORKS = ("generator", "discriminator", "penalty_discriminator", "classifier")
"""The functions of an objective."""


@dataclass(frozen=True)
class Algorithm:
    """A GAN variant: losses, update rules, and the order of the updates; its hyperparameters may be schedules.

    Attributes:
        growth: of networks that grow: when.
        stage: the stage they are at; None: as ``growth`` says of the iteration, which then is no tensor.
    """

    objective: Objective
    rules: Mapping[str, UpdateRule]
    projections: Mapping[str, Project]
    game: Game
    ema: Ema
    snapshots: Snapshots = field(default_factory=Snapshots)
    growth: Growth | None = None
    stage: int | None = None

    def methods(self) -> dict[str, Any]:
        """Return everything that has hyperparameters, by config key."""
        return {
            "loss": self.objective.loss,
            "noise": self.objective.perturb,
            "discriminator.vote": self.objective.aggregation,
            "labels": self.objective.labels,
            "ema": self.ema,
            "game": self.game,
            **{f"regularizer.{name}": method for name, method in self.objective.penalties.items()},
            **{f"regularizer.{name}": method for name, method in self.projections.items()},
            **{f"optimizer.{player}": rule for player, rule in self.rules.items()},
        }

    def map(self, change: Callable[[str, Any], Any]) -> "Algorithm":
        """Return the algorithm with ``change(config key, method)`` in place of each method."""
        objective = replace(
            self.objective,
            loss=change("loss", self.objective.loss),
            perturb=change("noise", self.objective.perturb),
            aggregation=change("discriminator.vote", self.objective.aggregation),
            labels=change("labels", self.objective.labels),
            penalties={n: change(f"regularizer.{n}", m) for n, m in self.objective.penalties.items()},
        )
        return replace(
            self,
            objective=objective,
            rules={p: change(f"optimizer.{p}", rule) for p, rule in self.rules.items()},
            projections={n: change(f"regularizer.{n}", m) for n, m in self.projections.items()},
            ema=change("ema", self.ema),
            game=change("game", self.game),
        )

    def hyperparameters(self) -> dict[str, Any]:
        """Return the tree of all hyperparameters."""
        return {key: settings.hyperparameters(method) for key, method in self.methods().items()}

    def with_hyperparameters(self, tree: Mapping[str, Any]) -> "Algorithm":
        """Return the algorithm with other hyperparameters, tensors for instance."""
        return self.map(lambda key, method: settings.with_hyperparameters(method, tree.get(key, {})))

    @property
    def stacked(self) -> bool:
        """Whether the discriminator's tensors have a dimension in front for several of them."""
        return self.objective.members > 1 or self.snapshots.count > 0

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
        apply = {name: getattr(self.objective, name) for name in NETWORKS}
        grown = replace(now.objective, **self.growth.functions(apply, *self.stage_and_fade(t)))
        return replace(now, objective=grown, growth=None)

    def during(self, t: int) -> "Algorithm":
        """Return the algorithm with the stage of iteration ``t`` fixed: the program of all iterations of that stage."""
        return self if self.growth is None else replace(self, stage=self.growth.stage(t))

    def stage_and_fade(self, t: Number) -> tuple[int, Number]:
        """Return the stage of growing networks, and the fade of its new layers at iteration ``t``."""
        stage = self.growth.stage(t) if self.stage is None else self.stage
        return stage, self.growth.fade(stage, t)

    def at_stage(self, batches: Mapping[str, tuple[StepBatch, ...]], t: Number) -> Mapping[str, tuple[StepBatch, ...]]:
        """Return the batches of iteration ``t`` with real examples as networks that grow are to see them."""
        if self.growth is None:
            return batches
        stage, fade = self.stage_and_fade(t)

        def look(batch: StepBatch) -> StepBatch:
            return batch if batch.real is None else batch._replace(real=self.growth.real(batch.real, stage, fade))

        return {player: tuple(look(batch) for batch in own) for player, own in batches.items()}


def initial_state(algorithm: Algorithm, networks: Mapping[str, tuple[Tensors, Tensors]]) -> State:
    """Return the state before the first iteration, from each player's parameters and buffers."""
    state = {
        player: {"params": params, "buffers": buffers, "rule": algorithm.rules[player].init(params)}
        for player, (params, buffers) in networks.items()
    }
    params, buffers = networks["generator"]
    state["ema"] = {name: value.clone() for name, value in {**params, **buffers}.items()}
    state["last"] = {
        player: {name: torch.zeros_like(value) for name, value in params.items()}
        for player, (params, _) in networks.items()
    }
    if hasattr(algorithm.game, "init"):
        state["game"] = algorithm.game.init({player: params for player, (params, _) in networks.items()})
    if stateful := algorithm.at(0).objective.stateful:
        like = next(iter(networks["discriminator"][0].values()))
        state["aux_state"] = {key: method.init(algorithm.objective.members, like) for key, method in stateful.items()}
    if algorithm.snapshots.count:
        state["snapshots"] = algorithm.snapshots.init(networks["discriminator"])
    return state


@dataclass(frozen=True)
class AlgorithmPlayers:
    """The two players of an algorithm: what implements ``Players``, the protocol that games see."""

    algorithm: Algorithm
    backend: Backend
    average: Callable[[Tensors], Tensors]

    def gradient(
        self, player: str, state: State, batch: StepBatch, lookahead: LookaheadFn | None = None, zero_sum: bool = False
    ) -> Gradient:
        fake = self._fake(state, batch) if player == "discriminator" else None
        objective = self._objective(player, state, batch, fake, self.backend, lookahead, zero_sum)
        grads, aux = self.backend.gradient(objective, state[player]["params"])
        grads, aux_state = self._over_all(grads, aux.get("batch_stats", {}), state)
        logs = {**aux["logs"], **self._of_gradient(player, state, grads)}
        grad_covariance = None
        if self.algorithm.rules[player].per_sample:
            grad_covariance = self._grad_covariance(player, state, batch, fake, grads, lookahead, zero_sum)
        return Gradient(grads, logs, aux["buffers"], grad_covariance, aux_state)

    def _over_all(
        self, grads: Tensors, batch_stats: Mapping[str, Tensors], state: State
    ) -> tuple[Tensors, Mapping[str, Tensors] | None]:
        """Average the gradient and the batch statistics over all processes, in one message; update the state."""
        if not batch_stats:
            return self.average(grads), None
        parts = {(key, part): value for key, own in batch_stats.items() for part, value in own.items()}
        means = self.average({**grads, **parts})
        stateful, aux_state = self.algorithm.objective.stateful, state["aux_state"]
        new = {
            key: stateful[key].update(aux_state[key], {part: means[key, part] for part in own})
            for key, own in batch_stats.items()
        }
        return {name: means[name] for name in grads}, {**aux_state, **new}

    def _of_gradient(self, player: str, state: State, grads: Tensors) -> Logs:
        """Return its norm, and its cosine with the gradient of the player's last update (0 before the first)."""
        now = self.backend.parts(grads.values())
        before = self.backend.parts(state["last"][player][name] for name in grads)
        return {f"grad_norm/{player}": norm(now), f"grad_cosine/{player}": cosine(now, before)}

    def _fake(self, state: State, batch: StepBatch) -> Tensor:
        generator = state["generator"]
        apply = self.algorithm.objective.generator
        return apply(generator["params"], generator["buffers"], batch.latent, *batch.condition)[0]

    def pullback(
        self, state: State, batches: Mapping[str, StepBatch], vector: Mapping[str, Tensors]
    ) -> dict[str, Tensors]:
        backend = self.backend.nested()

        def product(params: Tensors) -> tuple[Tensor, dict]:
            own = {player: {name: params[player, name] for name in vector[player]} for player in PLAYERS}
            at = {**state, **{player: {**state[player], "params": own[player]} for player in PLAYERS}}
            total = []
            for player in PLAYERS:
                fake = self._fake(at, batches[player]) if player == "discriminator" else None
                objective = self._objective(player, at, batches[player], fake, backend)
                grads, _ = backend.gradient(objective, own[player])
                total += [(grad * vector[player][name]).sum() for name, grad in grads.items()]
            return reduce(torch.add, total), {}

        both = {(player, name): value for player in PLAYERS for name, value in state[player]["params"].items()}
        grads = self.average(self.backend.gradient(product, both)[0])
        return {player: {name: grads[player, name] for name in vector[player]} for player in PLAYERS}

    def pushforward(
        self, state: State, batches: Mapping[str, StepBatch], vector: Mapping[str, Tensors]
    ) -> dict[str, Tensors]:
        # The transpose of the pullback, which is linear in its vector: no forward derivatives are needed.
        inner = replace(self, backend=FuncBackend())

        def field(params: dict[str, Tensors]) -> dict[str, Tensors]:
            at = {**state, **{player: {**state[player], "params": params[player]} for player in PLAYERS}}
            grads = {}
            for player in PLAYERS:
                fake = inner._fake(at, batches[player]) if player == "discriminator" else None
                objective = inner._objective(player, at, batches[player], fake, inner.backend)
                grads[player] = inner.backend.gradient(objective, params[player])[0]
            return grads

        params = {player: state[player]["params"] for player in PLAYERS}
        zeros = tree_map(torch.zeros_like, params)
        _, transpose = torch.func.vjp(lambda along: torch.func.vjp(field, params)[1](along)[0], zeros)
        (along,) = transpose({player: dict(vector[player]) for player in PLAYERS})
        return {player: self.average(own) for player, own in along.items()}

    def _objective(
        self,
        player: str,
        state: State,
        batch: StepBatch,
        fake: Tensor | None,
        backend: Backend,
        lookahead: LookaheadFn | None = None,
        zero_sum: bool = False,
    ) -> Callable[[Tensors], tuple[Tensor, Any]]:
        """Return the player's objective on a batch; ``fake``: the generated examples, for the discriminator."""
        if lookahead is not None:
            return self._at_lookahead(player, state, batch, backend, lookahead, zero_sum)
        objective, buffers = self.algorithm.objective, state[player]["buffers"]
        aux_state = state.get("aux_state", NO_AUX_STATE)
        if player == "generator":
            discriminators = self._discriminators(state)
            return lambda params: objective.for_generator(params, buffers, discriminators, batch, aux_state, zero_sum)
        return lambda params: objective.for_discriminator(backend, params, buffers, fake, batch, aux_state)

    def _at_lookahead(
        self, player: str, state: State, batch: StepBatch, backend: Backend, lookahead: LookaheadFn, zero_sum: bool
    ) -> Callable[[Tensors], tuple[Tensor, Any]]:
        """Return the objective at the state that ``lookahead`` leads to."""
        inner = replace(self, backend=backend.nested())

        def objective(params: Tensors) -> tuple[Tensor, Any]:
            future = lookahead(inner, {**state, player: {**state[player], "params": params}})
            fake = inner._fake(future, batch) if player == "discriminator" else None
            of_future = inner._objective(player, future, batch, fake, backend, zero_sum=zero_sum)
            return of_future(future[player]["params"])

        return objective

    def _grad_covariance(
        self,
        player: str,
        state: State,
        batch: StepBatch,
        fake: Tensor | None,
        grads: Tensors,
        lookahead: LookaheadFn | None,
        zero_sum: bool,
    ) -> Tensors:
        """Return the covariance of the gradients of the batch's examples about ``grads``, in the form of the rule."""

        def loss(params: Tensors, one: tuple[Tensor | None, dict[str, Any]]) -> Tensor:
            of_one, example = one
            of_example = batch._replace(**example)
            return self._objective(player, state, of_example, of_one, FuncBackend(), lookahead, zero_sum)(params)[0]

        examples = {part: getattr(batch, part) for part in PER_EXAMPLE}
        samples = per_sample_gradients(loss, state[player]["params"], (fake, examples))
        return self.average(self.algorithm.rules[player].grad_covariance(samples, grads))

    def _discriminators(self, state: State) -> Mapping[str, Any]:
        """Return all discriminators that the generator meets."""
        own, members = state["discriminator"], self.algorithm.objective.members
        if "snapshots" in state:
            return self.algorithm.snapshots.discriminators(state["snapshots"], own)
        if members == 1:
            return own
        like = next(iter(own["params"].values()))
        return {**own, "active": torch.ones(members, dtype=torch.bool, device=like.device)}

    def move(self, player: str, state: State, gradient: Gradient, batch: StepBatch) -> State:
        own = state[player]
        more = {} if gradient.grad_covariance is None else {"grad_covariance": gradient.grad_covariance}
        update = self.algorithm.rules[player].update
        before = own["rule"] if gradient.rule is None else gradient.rule
        params, rule = update(own["params"], gradient.grads, before, batch.rule, **more)
        own = {"params": self.project(player, params, batch), "buffers": gradient.buffers, "rule": rule}
        aux_state = {} if gradient.aux_state is None else {"aux_state": gradient.aux_state}
        return {**state, player: own, "last": {**state["last"], player: gradient.grads}, **aux_state}

    def project(self, player: str, params: Tensors, batch: StepBatch) -> Tensors:
        for name, project in self.algorithm.projections.items() if player == "discriminator" else ():
            if times := batch.times(name):
                projected = torch.func.vmap(project)(params) if self.algorithm.stacked else project(params)
                params = projected if times == 1 else _farther(params, projected, times)
        return params


def step(
    algorithm: Algorithm,
    backend: Backend,
    state: State,
    batches: Mapping[str, tuple[StepBatch, ...]],
    t: Number,
    average: Callable[[Tensors], Tensors] = lambda grads: grads,
) -> tuple[State, Logs]:
    """Run one iteration.

    Args:
        algorithm: what is trained; its schedules are evaluated at ``t``.
        backend: how gradients are taken.
        state: see ``initial_state``.
        batches: data and random draws, a batch for each update of each player.
        t: the number of generator updates made before.
        average: the mean of the gradients over processes.

    Returns:
        The new state and the logs, both trees of tensors; ``state`` is left as it was.
    """
    now = algorithm.at(t)
    state, logs = now.game.play(AlgorithmPlayers(now, backend, average), state, algorithm.at_stage(batches, t))
    generator = state["generator"]
    ema = now.ema.update(state["ema"], {**generator["params"], **generator["buffers"]}, t + 1)
    if "snapshots" in state:
        snapshots = now.snapshots.update(state["snapshots"], state["discriminator"], t)
        state = {**state, "snapshots": snapshots}
    said = (
        logs,
        _weight_logs(backend, state),
        _loss_logs(now, logs),
        _rule_logs(now, state),
        _aux_state_logs(now, state),
    )
    return {**state, "ema": ema}, {key: value for part in said for key, value in part.items()}


def _farther(start: Tensors, end: Tensors, times: int) -> Tensors:
    return {name: value + times * (end[name] - value) for name, value in start.items()}


def _weight_logs(backend: Backend, state: State) -> Logs:
    """Return the norm of each player's parameters."""
    return {f"weight_norm/{player}": norm(backend.parts(state[player]["params"].values())) for player in PLAYERS}


def _loss_logs(algorithm: Algorithm, logs: Logs) -> Logs:
    """Return the logs of a loss beside its value, such as its value in other units."""
    more = getattr(algorithm.objective.loss, "logs", None)
    if more is None:
        return {}
    return {f"loss/{key}": value for key, value in more(logs["loss/discriminator"], logs["loss/generator"]).items()}


def _rule_logs(algorithm: Algorithm, state: State) -> Logs:
    """Return the logs of update rules about their state, such as the level of their noise."""
    return {
        f"rule/{player}/{key}": value
        for player, rule in algorithm.rules.items()
        if hasattr(rule, "logs")
        for key, value in rule.logs(state[player]["rule"]).items()
    }


def _aux_state_logs(algorithm: Algorithm, state: State) -> Logs:
    """Return the logs of stateful penalties and noise, such as the probability of an augmentation."""
    return {
        f"{key.replace('.', '/')}/{name}": value
        for key, method in algorithm.objective.stateful.items()
        if hasattr(method, "logs")
        for name, value in method.logs(state["aux_state"][key]).items()
    }
