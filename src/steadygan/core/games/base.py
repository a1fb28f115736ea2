"""Games: what they are given and what they return.

A game decides in which order the players move. It sees gradients and moves, never the inside of a loss.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from steadygan.core.state import State
from steadygan.core.step_batch import Batches, StepBatch
from steadygan.core.types import Logs, RuleState, Tensors

Vector = Mapping[str, Tensors]
"""A tensor for each parameter of both players."""


class Gradient(NamedTuple):
    """One player's gradient at a state, what to log of it, and the player's buffers after it.

    ``grad_covariance`` is that of the batch's examples, for update rules that take it; ``aux_state``
    the state of penalties and noise after an update of the discriminator, where any have one; ``rule`` the state from
    which the update rule goes on, where that is not the player's own.
    """

    grads: Tensors
    logs: Logs
    buffers: Tensors
    grad_covariance: Tensors | None = None
    aux_state: Mapping[str, Tensors] | None = None
    rule: RuleState | None = None


class Players(Protocol):
    """The two players, as the engine offers them to a game."""

    def gradient(
        self,
        player: str,
        state: State,
        batch: StepBatch,
        lookahead: "LookaheadFn | None" = None,
        zero_sum: bool = False,
    ) -> Gradient:
        """Return the gradient of ``player``'s objective by its own parameters; changes nothing.

        Args:
            player: ``generator`` or ``discriminator``.
            state: where it is taken.
            batch: data and random draws.
            lookahead: the objective is that at the state ``lookahead(players, state)``, differentiated by the
                parameters of ``state``: through all updates that lead there.
            zero_sum: the generator minimises the negative of the discriminator's loss in place of its own loss.
        """
        ...

    def pullback(self, state: State, batches: Mapping[str, StepBatch], vector: Vector) -> dict[str, Tensors]:
        """Return the gradient of the inner product of ``vector`` (fixed) and the field, by both players' parameters.

        The field is each player's gradient by its own parameters, as ``gradient`` gives it; so this is the transpose
        of the field's Jacobian times ``vector``.
        """
        ...

    def pushforward(self, state: State, batches: Mapping[str, StepBatch], vector: Vector) -> dict[str, Tensors]:
        """Return the derivative of the same field along ``vector``: its Jacobian times ``vector``."""
        ...

    def move(self, player: str, state: State, gradient: Gradient, batch: StepBatch) -> State:
        """Return the state after ``player`` followed its update rule."""
        ...

    def project(self, player: str, params: Tensors, batch: StepBatch) -> Tensors:
        """Return ``params`` after the projections of ``player`` (weight clipping) that are due in this update."""
        ...


LookaheadFn = Callable[[Players, State], State]
"""Looks ahead of a state; the players it is given have updates that can be differentiated through."""


class Game(Protocol):
    """Play one iteration: one update of the generator.

    A game may have more: ``critic_batches``, how many batches of the discriminator are drawn, where that is not
    ``n_critic``; ``critic_every``, in one of how many iterations the discriminator moves, where that is not each;
    ``memory_factor``, how many times the memory of a plain gradient it takes, where that is more than one;
    ``uses_real``, true where the generator's batch needs real examples whatever the loss; ``limit``, the simultaneous
    game that it is in the limit of small steps, where that is not the plain one; and ``init(params)``, with the
    parameters of each player: its own state under ``state.game``, a tree of tensors that ``play`` takes in and gives
    out. ``counters`` names the keys of that state that count iterations.
    """

    @property
    def n_critic(self) -> int:
        """Moves of the discriminator in an iteration."""
        ...

    def play(self, players: Players, state: State, batches: Batches) -> tuple[State, Logs]:
        """Return the state after one iteration; ``batches``: those of the discriminator, and one of the generator."""
        ...
