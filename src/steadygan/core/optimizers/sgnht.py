"""The stochastic gradient Nose-Hoover thermostat."""

from dataclasses import dataclass

from steadygan.core.declare import signed_as
from steadygan.core.optimizers.thermostat import Thermostat
from steadygan.core.types import RuleState, Tensors


@signed_as("steadygan.core.rules.Sgnht")
@dataclass(frozen=True)
class Sgnht(Thermostat):
    """Stochastic-gradient Nose-Hoover thermostat.

    Adaptive Langevin dynamics with one thermostat for all weights of the player, in the
    symmetric splitting of Leimkuhler & Shang 2016; equations and settings in ``Thermostat``.

    It removes gradient noise that is constant and the same for all weights. Where weights differ in their noise it can
    only right the mean: weight ``i`` gets the temperature ``T (A + A_i) / (A + mean A_i)``, ``2 A_i T = h s_i^2``.
    ``T = 0`` injects nothing: gradient descent with momentum, and friction that grows as long as anything moves.

    Reference: Ding et al. (2014); Leimkuhler and Shang (2016), arXiv:1505.06889.
    """

    def update(
        self, params: Tensors, grads: Tensors, state: RuleState, noise: Tensors | None = None
    ) -> tuple[Tensors, RuleState]:
        """See the class; ``noise`` is the normal draw, to be scaled."""
        assert noise is not None  # of a noisy rule
        return self.split_step(params, self.slope(params, grads), state, noise)
