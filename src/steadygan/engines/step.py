"""ONE pure training step: ``step(state, turns, t) -> (state, logs)``.

The single run calls it in eager mode, a population calls it under ``vmap``; neither adds mathematics of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from steadygan.core import settings
from steadygan.core.autodiff import Backend
from steadygan.core.ema import Ema
from steadygan.core.games import Game, Gradient, Logs, State
from steadygan.core.objective import Objective, Turn
from steadygan.core.types import Number, Project, Rule, Tensors

PLAYERS = ("generator", "discriminator")


@dataclass(frozen=True)
class Sentence:
    """A GAN variant: what is minimised, how the players move, in which order; its numbers may be schedules."""

    objective: Objective
    rules: Mapping[str, Rule]
    projections: Mapping[str, Project]
    game: Game
    ema: Ema

    def methods(self) -> dict[str, Any]:
        """Everything that has numbers, by config key."""
        return {
            "loss": self.objective.loss,
            "noise": self.objective.perturb,
            "ema": self.ema,
            **{f"regularizer.{name}": method for name, method in self.objective.penalties.items()},
            **{f"regularizer.{name}": method for name, method in self.projections.items()},
            **{f"optimizer.{player}": rule for player, rule in self.rules.items()},
        }

    def map(self, change: Callable[[str, Any], Any]) -> "Sentence":
        """The sentence with ``change(config key, method)`` in place of each method."""
        objective = replace(
            self.objective,
            loss=change("loss", self.objective.loss),
            perturb=change("noise", self.objective.perturb),
            penalties={n: change(f"regularizer.{n}", m) for n, m in self.objective.penalties.items()},
        )
        return replace(
            self,
            objective=objective,
            rules={p: change(f"optimizer.{p}", rule) for p, rule in self.rules.items()},
            projections={n: change(f"regularizer.{n}", m) for n, m in self.projections.items()},
            ema=change("ema", self.ema),
        )

    def numbers(self) -> dict[str, Any]:
        """The tree of all numbers that enter the mathematics."""
        return {key: settings.numbers(method) for key, method in self.methods().items()}

    def with_numbers(self, tree: Mapping[str, Any]) -> "Sentence":
        """The sentence with other numbers, tensors for instance."""
        return self.map(lambda key, method: settings.with_numbers(method, tree.get(key, {})))

    @property
    def scheduled(self) -> bool:
        """Whether any number depends on the iteration."""
        return any(
            settings.is_schedule(value)
            for method in self.methods().values()
            for value in settings.fields(method).values()
        )

    def at(self, t: Number) -> "Sentence":
        """The sentence at iteration ``t``, its schedules evaluated."""
        return self.map(lambda _, method: settings.at(method, t)) if self.scheduled else self


def initial_state(sentence: Sentence, networks: Mapping[str, tuple[Tensors, Tensors]]) -> State:
    """The state before the first iteration, from each player's parameters and buffers."""
    state = {
        player: {"params": params, "buffers": buffers, "rule": sentence.rules[player].init(params)}
        for player, (params, buffers) in networks.items()
    }
    params, buffers = networks["generator"]
    state["ema"] = {name: value.clone() for name, value in {**params, **buffers}.items()}
    return state


@dataclass(frozen=True)
class Moves:
    """The two players of a sentence, as a game sees them."""

    sentence: Sentence
    backend: Backend
    average: Callable[[Tensors], Tensors]

    def gradient(self, player: str, state: State, turn: Turn) -> Gradient:
        own = state[player]
        grads, aux = self.backend.gradient(self._objective(player, state, turn), own["params"])
        grads = self.average(grads)
        norm = reduce(torch.add, (grad.square().sum() for grad in grads.values())).sqrt()
        return Gradient(grads, {**aux["logs"], f"grad_norm/{player}": norm}, aux["buffers"])

    def _objective(self, player: str, state: State, turn: Turn) -> Callable[[Tensors], tuple[Tensor, Any]]:
        objective, generator = self.sentence.objective, state["generator"]
        if player == "generator":
            return lambda params: objective.for_generator(params, generator["buffers"], state["discriminator"], turn)
        fake, _ = objective.generator(generator["params"], generator["buffers"], turn.latent, *turn.condition)
        buffers = state["discriminator"]["buffers"]
        return lambda params: objective.for_discriminator(self.backend, params, buffers, fake, turn)

    def move(self, player: str, state: State, gradient: Gradient, turn: Turn) -> State:
        own = state[player]
        params, rule = self.sentence.rules[player].update(own["params"], gradient.grads, own["rule"], turn.rule)
        if player == "discriminator":
            for project in self.sentence.projections.values():
                params = project(params)
        return {**state, player: {"params": params, "buffers": gradient.buffers, "rule": rule}}


def step(
    sentence: Sentence,
    backend: Backend,
    state: State,
    turns: Mapping[str, tuple[Turn, ...]],
    t: Number,
    average: Callable[[Tensors], Tensors] = lambda grads: grads,
) -> tuple[State, Logs]:
    """One iteration.

    Args:
        sentence: what is trained; its schedules are evaluated at ``t``.
        backend: how gradients are taken.
        state: see ``initial_state``.
        turns: the random draws of each player's turns.
        t: the number of generator updates made before.
        average: the mean of the gradients over processes.

    Returns:
        The new state and the logs, both trees of tensors; ``state`` is left as it was.
    """
    now = sentence.at(t)
    state, logs = now.game.play(Moves(now, backend, average), state, turns)
    generator = state["generator"]
    ema = now.ema.update(state["ema"], {**generator["params"], **generator["buffers"]}, t + 1)
    return {**state, "ema": ema}, {**logs, **_loss_logs(now, logs), **_rule_logs(now, state)}


def _loss_logs(sentence: Sentence, logs: Logs) -> Logs:
    """What a loss wants logged beside its value, such as its value in other units."""
    more = getattr(sentence.objective.loss, "logs", None)
    if more is None:
        return {}
    return {f"loss/{key}": value for key, value in more(logs["loss/discriminator"], logs["loss/generator"]).items()}


def _rule_logs(sentence: Sentence, state: State) -> Logs:
    """What update rules want logged of their state, such as the level of their noise."""
    return {
        f"rule/{player}/{key}": value
        for player, rule in sentence.rules.items()
        if hasattr(rule, "logs")
        for key, value in rule.logs(state[player]["rule"]).items()
    }
