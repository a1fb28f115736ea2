"""Stochastic gradient Langevin dynamics."""

from dataclasses import dataclass
from typing import Any, ClassVar

from steadygan.core.declare import declare, nonnegative, positive
from steadygan.core.rules.base import Rule
from steadygan.core.scalars import scalar
from steadygan.core.types import Number, Tensors


@declare(step_size=positive, temperature=nonnegative, prior_precision=nonnegative, num_data=positive)
@dataclass(frozen=True)
class Sgld(Rule):
    """``theta <- theta - eps (num_data grad + prior_precision theta) + sqrt(2 eps T) eta``, ``eta ~ N(0, I)``
    (Welling & Teh 2011, eq. 4, there with half our step; seed A2, eq. 10).

    For small ``eps`` it samples ``exp(-U / T)``, ``U = num_data loss + prior_precision |theta|^2 / 2``. ``loss`` is the
    mean over the batch, so ``num_data`` says what is sampled: 1 takes the mean for the whole log-likelihood, and unit
    noise drowns it; the size of the data set gives the posterior. ``T = 0`` is plain gradient descent.

    Attributes:
        step_size: ``eps``.
        temperature: ``T``.
        prior_precision: of the Gaussian prior, one over its variance.
        num_data: how many examples the mean gradient stands for.
    """

    noisy: ClassVar[bool] = True

    step_size: Number
    temperature: Number = 1.0
    prior_precision: Number = 0.0
    num_data: Number = 1.0

    def update(
        self, params: Tensors, grads: Tensors, state: dict[str, Any], noise: Tensors
    ) -> tuple[Tensors, dict[str, Any]]:
        """See the class; ``noise`` is ``eta``."""
        like = next(iter(params.values()))
        step, precision, num_data = (scalar(n, like) for n in (self.step_size, self.prior_precision, self.num_data))
        spread = scalar((2 * self.step_size * self.temperature) ** 0.5, like)
        new = {
            name: param - step * (num_data * grads[name] + precision * param) + spread * noise[name]
            for name, param in params.items()
        }
        return new, state
