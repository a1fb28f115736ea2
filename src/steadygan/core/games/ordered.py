"""The games in which one order of the moves is a setting, and the two plain ones: alternating and simultaneous."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

from steadygan.common.errors import bad_value
from steadygan.core.declare import Range, declare, updates
from steadygan.core.games.base import Gradient, Players
from steadygan.core.state import State
from steadygan.core.step_batch import Batches, StepBatch
from steadygan.core.types import Logs

UPDATES = ("alternating", "simultaneous")
ONCE = "must be 1: in a simultaneous game both players move once"


class Position(NamedTuple):
    """Where both players are, with a batch for each, when one of them is to move.

    ``spare``: batches of the discriminator beyond ``n_critic``, where a game asks for them.
    """

    players: Players
    state: State
    batches: Mapping[str, StepBatch]
    spare: tuple[StepBatch, ...] = ()

    def gradient(self, player: str) -> Gradient:
        """Return the plain gradient of a player."""
        return self.players.gradient(player, self.state, self.batches[player])

    def field(self) -> dict[str, Gradient]:
        """Return the gradients of both."""
        return {player: self.gradient(player) for player in ("discriminator", "generator")}


@declare(n_critic=updates)
@dataclass(frozen=True)
class Ordered:
    """Let the players move in a given order.

    ``alternating``: ``n_critic`` moves of the discriminator, then one of the generator; ``simultaneous``: both
    players' gradients are taken at the same state, then both move.

    Raises:
        UserError: an unknown ``update``, or several moves of the discriminator in a simultaneous game.
    """

    n_critic: int = 1
    update: str = "alternating"

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.update not in UPDATES:
            raise bad_value("game.update", self.update, "no such order", UPDATES)
        if self.update == "simultaneous" and self.n_critic != 1:
            raise bad_value("game.n_critic", self.n_critic, ONCE)

    def gradient(self, player: str, at: Position) -> Gradient:
        """Return what ``player`` follows; the other player's batch is there to look ahead."""
        return at.gradient(player)

    def move(self, player: str, at: Position, gradient: Gradient) -> State:
        """Return the state after ``player`` followed it."""
        return at.players.move(player, at.state, gradient, at.batches[player])

    def play(self, players: Players, state: State, batches: Batches) -> tuple[State, Logs]:
        """See the class."""
        (last,) = batches["generator"]
        own, spare = batches["discriminator"][: self.n_critic], batches["discriminator"][self.n_critic :]
        at, logs, generator = Position(players, state, {"generator": last}, spare), {}, None
        for batch in own:
            at = at._replace(batches={"discriminator": batch, "generator": last})
            critic = self.gradient("discriminator", at)
            generator = self.gradient("generator", at) if self.update == "simultaneous" else None
            at, logs = at._replace(state=self.move("discriminator", at, critic)), critic.logs
        generator = generator or self.gradient("generator", at)
        return self.move("generator", at, generator), {**logs, **generator.logs}

    def _simultaneous(self) -> Self:
        """Return the simultaneous game that this is in the limit of small steps."""
        return replace(self, n_critic=1, update="simultaneous")


@dataclass(frozen=True)
class Alternating(Ordered):
    """``n_critic`` updates of the discriminator, then one of the generator against the updated discriminator.

    Reference: Goodfellow et al. (2014), algorithm 1, arXiv:1406.2661.
    """

    update: str = field(default="alternating", init=False)


@declare(n_critic=Range(ONCE, low=1.0, high=1.0, structure=True))
@dataclass(frozen=True)
class Simultaneous(Ordered):
    """Take both players' gradients at the same state, then update both.

    Reference: Mescheder et al. (2018), section 2, arXiv:1801.04406.
    """

    update: str = field(default="simultaneous", init=False)
