"""Stochastic gradient Langevin dynamics."""

from dataclasses import dataclass

from steadygan.core.declare import signed_as
from steadygan.core.optimizers.langevin import Langevin
from steadygan.core.scalars import scalar
from steadygan.core.types import RuleState, Tensors


@signed_as("steadygan.core.rules.Sgld")
@dataclass(frozen=True)
class Sgld(Langevin):
    """Stochastic-gradient Langevin dynamics.

    ``theta <- theta - eps (num_data grad + prior_precision theta) + sqrt(2 eps T) eta``, ``eta ~ N(0, I)``
    (Welling & Teh 2011, eq. 4, there with half our step; Ramakers et al., eq. 10).

    For small ``eps`` it samples ``exp(-U / T)`` (see ``Langevin``). ``loss`` is the mean over the batch, so
    ``num_data`` says what is sampled: 1 takes the mean for the whole log-likelihood, and unit noise drowns it; the
    size of the data set gives the posterior. ``T = 0`` is plain gradient descent.

    Reference: Welling and Teh (2011), eq. 4; Ramakers et al. (undated), eq. 10.
    """

    def update(
        self, params: Tensors, grads: Tensors, state: RuleState, noise: Tensors | None = None
    ) -> tuple[Tensors, RuleState]:
        """See the class; ``noise`` is ``eta``."""
        assert noise is not None  # of a noisy rule
        like = next(iter(params.values()))
        step, slope = scalar(self.step_size, like), self.slope(params, grads)
        noise_std = scalar((2 * self.step_size * self.temperature) ** 0.5, like)
        return {name: param - step * slope[name] + noise_std * noise[name] for name, param in params.items()}, state
