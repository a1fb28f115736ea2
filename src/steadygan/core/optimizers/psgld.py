"""Preconditioned stochastic gradient Langevin dynamics."""

from dataclasses import dataclass

import torch

from steadygan.core.declare import decay, declare, positive, signed_as
from steadygan.core.optimizers.langevin import Langevin, root
from steadygan.core.scalars import scalar
from steadygan.core.types import Number, RuleState, Tensors


@signed_as("steadygan.core.rules.Psgld")
@declare(alpha=decay, eps=positive)
@dataclass(frozen=True)
class Psgld(Langevin):
    """Preconditioned SGLD.

    SGLD whose steps are as long as RMSProp's (Li et al. 2016, with half our step):
    ``v <- alpha v + (1 - alpha) grad^2``, ``G = 1 / (eps + sqrt(v))``,
    ``theta <- theta - step_size G dU + sqrt(2 step_size T G) eta``, ``dU`` the gradient of ``U`` (see ``Langevin``).

    As the paper does in practice, ``Gamma = dG/dtheta`` is left out. Its size is of the order of ``1 - alpha``, and so
    is the error of what is sampled: exact for ``alpha -> 1``, the density ``exp(-U/T) / G`` for ``alpha = 0``.
    ``T = 0`` is RMSProp.

    Attributes:
        alpha: decay of the mean square, in [0, 1).
        eps: added to the root; it bounds ``G``, and with it the noise of weights whose gradient is 0.

    Reference: Li et al. (2016), algorithm 1, arXiv:1512.07666.
    """

    alpha: Number = 0.99
    eps: Number = 1e-5

    def init(self, params: Tensors) -> RuleState:
        """Return a mean square of 0."""
        return {"square": {name: torch.zeros_like(param) for name, param in params.items()}}

    def update(
        self, params: Tensors, grads: Tensors, state: RuleState, noise: Tensors | None = None
    ) -> tuple[Tensors, RuleState]:
        """See the class; ``noise`` is ``eta``."""
        assert noise is not None  # of a noisy rule
        like = next(iter(params.values()))
        share, rate, eps = (scalar(n, like) for n in (1 - self.alpha, -self.step_size, self.eps))
        noise_std = scalar((2 * self.step_size * self.temperature) ** 0.5, like)
        slope = self.slope(params, grads)
        new, square = {}, {}
        for name, param in params.items():
            square[name] = torch.lerp(state["square"][name], grads[name] * grads[name], share)
            stiffness = root(square[name]) + eps
            drifted = torch.addcdiv(param, rate * slope[name], stiffness)
            new[name] = drifted + noise_std * noise[name] * stiffness.rsqrt()
        return new, {"square": square}
