"""The two players of an algorithm, as games see them: their gradients, and their moves.

Here the networks at a state and the wrappers of networks and of the loss are put together to what the objective takes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from steadygan.config.node import PLAYERS
from steadygan.core.autodiff import Backend, FuncBackend, per_sample_gradients
from steadygan.core.diagnostics import cosine, norm
from steadygan.core.ensembles import Aggregated, Each
from steadygan.core.games import Gradient, LookaheadFn
from steadygan.core.games.unrolled import ZeroSum
from steadygan.core.labels import classification
from steadygan.core.losses.labels import Drawn
from steadygan.core.objective import Critics, Outcome
from steadygan.core.state import PlayerState, Stack, State
from steadygan.core.step_batch import PER_EXAMPLE, StepBatch, repeated
from steadygan.core.types import Apply, Logs, Loss, Network, Tensors
from steadygan.training.algorithm import Algorithm

Differentiable = Callable[[Tensors], tuple[Tensor, Outcome]]
"""An objective as a function of its player's parameters."""

Vector = Mapping[str, Tensors]
"""A tensor for each parameter of both players."""


class Update(NamedTuple):
    """An update of a player: where, on what, and what it looks ahead to (see ``Players.gradient``)."""

    player: str
    state: State
    batch: StepBatch
    lookahead: LookaheadFn | None = None
    zero_sum: bool = False


@dataclass(frozen=True)
class AlgorithmPlayers:
    """The two players of an algorithm: what implements ``Players``, the protocol that games see."""

    algorithm: Algorithm
    backend: Backend
    average: Callable[[Tensors], Tensors]

    def gradient(
        self, player: str, state: State, batch: StepBatch, lookahead: LookaheadFn | None = None, zero_sum: bool = False
    ) -> Gradient:
        """See ``Players``."""
        update = Update(player, state, batch, lookahead, zero_sum)
        fake = self._fake(update)
        objective = self._objective(update, fake, self.backend)
        grads, outcome = self.backend.gradient(objective, state.of(player).params)
        grads, aux_state = self._over_all(grads, outcome.batch_stats, state)
        logs = {**outcome.logs, **self._of_gradient(player, state, grads)}
        per_sample = self.algorithm.rules[player].per_sample
        grad_covariance = self._grad_covariance(update, fake, grads) if per_sample else None
        return Gradient(grads, logs, outcome.buffers, grad_covariance, aux_state)

    def _over_all(
        self, grads: Tensors, batch_stats: Mapping[str, Tensors], state: State
    ) -> tuple[Tensors, Mapping[str, Tensors] | None]:
        """Average the gradient and the batch statistics over all processes, in one message; update the state."""
        if not batch_stats:
            return self.average(grads), None
        means = self.average({**grads, **_joined(batch_stats)})
        stateful, aux_state = self.algorithm.objective.stateful, state.aux_state
        own = _parted(means, batch_stats)
        new = {key: stateful[key].update(aux_state[key], stats) for key, stats in own.items()}
        return {name: means[name] for name in grads}, {**aux_state, **new}

    def _of_gradient(self, player: str, state: State, grads: Tensors) -> Logs:
        """Return its norm, and its cosine with the gradient of the player's last update (0 before the first)."""
        now = self.backend.parts(grads.values())
        before = self.backend.parts(state.last[player][name] for name in grads)
        return {f"grad_norm/{player}": norm(now), f"grad_cosine/{player}": cosine(now, before)}

    # --- the objectives ---------------------------------------------------------------------------------------

    def _fake(self, update: Update) -> Tensor | None:
        """Return the generated examples that the discriminator's update needs."""
        if update.player == "generator":
            return None
        generator = bound(self.algorithm.networks.generator, update.state.generator, update.batch.condition)
        return generator(update.batch.latent)[0]

    def _objective(self, update: Update, fake: Tensor | None, backend: Backend) -> Differentiable:
        if update.lookahead is not None:
            return self._at_lookahead(update, update.lookahead, backend)
        return self._for_generator(update) if fake is None else self._for_discriminator(update, fake, backend)

    def _for_generator(self, update: Update) -> Differentiable:
        networks, batch, state = self.algorithm.networks, update.batch, update.state
        loss, met = self.algorithm.objective.loss, self.algorithm.ensemble.met_by_generator(state)
        members = 1 if met is None else len(met.active)
        if met is not None:
            loss = Each(loss, members)
        if update.zero_sum:
            loss = ZeroSum(_drawn(loss, repeated(batch.smoothing, members)))
        if met is not None:
            loss = Aggregated(loss, self.algorithm.ensemble.aggregation, met.active, batch.aggregation)
        objective = replace(self.algorithm.objective, loss=loss)
        critic = bound(networks.discriminator, met or state.discriminator, repeated(batch.condition, members))

        def of(params: Tensors) -> tuple[Tensor, Outcome]:
            player = state.generator._replace(params=params)
            fake, buffers = bound(networks.generator, player, batch.condition)(batch.latent)
            value = objective.for_generator(lambda x: critic(repeated(x, members))[0], fake, batch, state.aux_state)
            return value, Outcome({"loss/generator": value}, buffers)

        return of

    def _for_discriminator(self, update: Update, fake: Tensor, backend: Backend) -> Differentiable:
        networks, state, ensemble = self.algorithm.networks, update.state, self.algorithm.ensemble
        batch, fake = update.batch.repeated(ensemble.members), repeated(fake, ensemble.members)
        loss = _drawn(ensemble.own_loss(self.algorithm.objective.loss), batch.smoothing)
        objective = replace(self.algorithm.objective, loss=loss)

        def of(params: Tensors) -> tuple[Tensor, Outcome]:
            player = state.discriminator._replace(params=params)
            own = bound(networks.discriminator, player, batch.condition)
            full = networks.penalty_discriminator and bound(networks.penalty_discriminator, player, batch.condition)
            terms = {}
            if batch.target is not None and networks.classifier is not None:
                classifier = bound(networks.classifier, player, batch.condition)
                labels = self.algorithm.labels
                terms["classification"] = classification(labels, classifier, batch)  # pyright: ignore[reportArgumentType] such labels have a loss
            critics = Critics(own, backend.evaluation, full, terms)
            value, outcome = objective.for_discriminator(critics, fake, batch, state.aux_state)
            return ensemble.members * value, outcome

        return of

    def _at_lookahead(self, update: Update, lookahead: LookaheadFn, backend: Backend) -> Differentiable:
        """Return the objective at the state that ``lookahead`` leads to."""
        inner, player = replace(self, backend=backend.nested()), update.player

        def of(params: Tensors) -> tuple[Tensor, Outcome]:
            future = lookahead(inner, update.state.with_params({player: params}))
            ahead = update._replace(state=future, lookahead=None)
            return inner._objective(ahead, inner._fake(ahead), backend)(future.of(player).params)

        return of

    # --- derivatives of both gradients ------------------------------------------------------------------------

    def _field(self, state: State, batches: Mapping[str, StepBatch], backend: Backend) -> dict[str, Tensors]:
        """Return each player's gradient by its own parameters, which can be differentiated."""
        grads = {}
        for player in PLAYERS:
            update = Update(player, state, batches[player])
            objective = self._objective(update, self._fake(update), backend)
            grads[player], _ = backend.gradient(objective, state.of(player).params)
        return grads

    def pullback(self, state: State, batches: Mapping[str, StepBatch], vector: Vector) -> dict[str, Tensors]:
        """See ``Players``."""
        backend = self.backend.nested()

        def product(params: Tensors) -> tuple[Tensor, dict]:
            field = self._field(state.with_params(_parted(params, vector)), batches, backend)
            total = [(grad * vector[p][name]).sum() for p in PLAYERS for name, grad in field[p].items()]
            return reduce(torch.add, total), {}

        grads, _ = self.backend.gradient(product, _joined(state.params()))
        return _parted(self.average(grads), vector)

    def pushforward(self, state: State, batches: Mapping[str, StepBatch], vector: Vector) -> dict[str, Tensors]:
        """See ``Players``."""
        # The transpose of the pullback, which is linear in its vector: no forward derivatives are needed.
        inner = replace(self, backend=FuncBackend())

        def field(params: dict[str, Tensors]) -> dict[str, Tensors]:
            return inner._field(state.with_params(params), batches, inner.backend)

        params = state.params()
        zeros = tree_map(torch.zeros_like, params)
        transpose = torch.func.vjp(lambda along: torch.func.vjp(field, params)[1](along)[0], zeros)[1]
        (along,) = transpose({player: dict(vector[player]) for player in PLAYERS})
        return {player: self.average(own) for player, own in along.items()}

    def _grad_covariance(self, update: Update, fake: Tensor | None, grads: Tensors) -> Tensors:
        """Return the covariance of the gradients of the batch's examples about ``grads``, in the form of the rule."""

        def loss(params: Tensors, one: tuple[Tensor | None, Mapping[str, Tensor | None]]) -> Tensor:
            of_one, example = one
            of_example = update._replace(batch=update.batch._replace(**example))
            return self._objective(of_example, of_one, FuncBackend())(params)[0]

        examples = {part: getattr(update.batch, part) for part in PER_EXAMPLE}
        samples = per_sample_gradients(loss, update.state.of(update.player).params, (fake, examples))
        return self.average(self.algorithm.rules[update.player].grad_covariance(samples, grads))

    # --- moves ------------------------------------------------------------------------------------------------

    def move(self, player: str, state: State, gradient: Gradient, batch: StepBatch) -> State:
        """See ``Players``."""
        own = state.of(player)
        more = {} if gradient.grad_covariance is None else {"grad_covariance": gradient.grad_covariance}
        before = own.rule if gradient.rule is None else gradient.rule
        params, rule = self.algorithm.rules[player].update(own.params, gradient.grads, before, batch.rule, **more)
        own = PlayerState(self.project(player, params, batch), gradient.buffers, rule)
        aux_state = state.aux_state if gradient.aux_state is None else gradient.aux_state
        last = {**state.last, player: gradient.grads}
        return state.with_player(player, own)._replace(last=last, aux_state=aux_state)

    def project(self, player: str, params: Tensors, batch: StepBatch) -> Tensors:
        """See ``Players``."""
        for name, project in self.algorithm.projections.items() if player == "discriminator" else ():
            if times := batch.times(name):
                projected = self.algorithm.ensemble.project(project)(params)
                params = projected if times == 1 else _farther(params, projected, times)
        return params


def bound(apply: Apply, at: PlayerState | Stack, condition: tuple[Tensor, ...]) -> Network:
    """Return a network at some tensors, on inputs of given classes."""
    return lambda x: apply(at.params, at.buffers, x, *condition)


def _joined(nested: Mapping[str, Tensors]) -> Tensors:
    """Return the tensors of all dicts in one, by ``KEY/NAME``."""
    return {f"{key}/{name}": value for key, own in nested.items() for name, value in own.items()}


def _parted(joined: Tensors, like: Mapping[str, Tensors]) -> dict[str, Tensors]:
    """Return what ``_joined`` made one, in the dicts of ``like``."""
    return {key: {name: joined[f"{key}/{name}"] for name in own} for key, own in like.items()}


def _drawn(loss: Loss, draw: Tensor | None) -> Loss:
    return loss if draw is None else Drawn(loss, draw)


def _farther(start: Tensors, end: Tensors, times: int) -> Tensors:
    return {name: value + times * (end[name] - value) for name, value in start.items()}
