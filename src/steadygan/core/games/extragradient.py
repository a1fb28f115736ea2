"""The extragradient method."""

from dataclasses import dataclass

from steadygan.common.errors import bad_value
from steadygan.core.declare import declare
from steadygan.core.games.base import Gradient
from steadygan.core.games.ordered import Ordered, Position

OPTIMIZER_STATES = ("carried", "restored")


@declare()
@dataclass(frozen=True)
class Extragradient(Ordered):
    """Move both players on trial, go back, and follow the gradients found there.

    With ``optimizer_state="carried"`` the weights go back but the state of the update rule goes on from the trial: with
    Adam this is ExtraAdam, whose moments take in both gradients and whose clock goes two steps an iteration. Under
    gradient descent, which keeps no state, there is no difference.

    Unlike in the paper both gradients are of the same batch: with independent ones even a bilinear game may diverge
    (Mishchenko et al. 2020, arXiv:1905.11373). What penalties, noise and buffers keep goes on from the trial always.

    Reference: Korpelevich (1976); Gidel et al. (2019), algorithms 3 and 4, arXiv:1802.10551.

    Attributes:
        update: ``simultaneous`` as in the papers; ``alternating``: each move looks ahead anew.
        optimizer_state: ``carried`` as in ExtraAdam, or ``restored``: as if the trial had not been.

    Raises:
        UserError: an unknown ``optimizer_state``, or what ``Ordered`` refuses.
    """

    update: str = "simultaneous"
    optimizer_state: str = "carried"

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        if self.optimizer_state not in OPTIMIZER_STATES:
            raise bad_value("game.optimizer_state", self.optimizer_state, "no such way", OPTIMIZER_STATES)

    def gradient(self, player: str, at: Position) -> Gradient:
        """See the class."""
        trial = at
        for name, batch in at.batches.items():
            trial = trial._replace(state=at.players.move(name, trial.state, at.gradient(name), batch))
        extrapolated = trial.gradient(player)
        return (
            extrapolated._replace(rule=trial.state.of(player).rule)
            if self.optimizer_state == "carried"
            else extrapolated
        )
