"""Stochastic gradient Hamiltonian Monte Carlo."""

from dataclasses import dataclass

import torch
from torch import Tensor

from steadygan.core.declare import declare, nonnegative, positive, signed_as
from steadygan.core.optimizers.langevin import Langevin, mean_of, root, wide
from steadygan.core.scalars import scalar
from steadygan.core.types import Number, RuleState, Tensors


@signed_as("steadygan.core.rules.Sghmc")
@declare(friction=positive, gradient_noise=nonnegative)
@dataclass(frozen=True)
class Sghmc(Langevin):
    """Stochastic-gradient Hamiltonian Monte Carlo.

    ``r <- (1 - h C) r - h dU + N(0, 2 h C T - h^2 V)``, ``theta <- theta + h r`` (unit
    mass, ``B = h V / 2``), ``dU`` the gradient of ``U`` (see ``Langevin``).

    The gradient's own noise is a part of the noise that the friction asks for; ``V`` says which. With ``V = 0``, the
    paper's simplest choice, it heats the sampler; with the true ``V`` it does not. Nothing is injected where ``V``
    asks for less than nothing. As in SGD with momentum ``1 - h C`` and learning rate ``h^2``, which ``T = 0`` is.

    Attributes:
        friction: ``C``, per unit of time; ``h C`` must stay below 1 to make sense.
        gradient_noise: ``V``, the variance that the gradient of ``U`` is taken to have from batch to batch.

    Reference: Chen et al. (2014), eq. 13, arXiv:1402.4102.
    """

    friction: Number = 1.0
    gradient_noise: Number = 0.0

    def init(self, params: Tensors) -> RuleState:
        """At rest."""
        return {"momentum": {name: torch.zeros_like(param) for name, param in params.items()}}

    def update(
        self, params: Tensors, grads: Tensors, state: RuleState, noise: Tensors | None = None
    ) -> tuple[Tensors, RuleState]:
        """See the class; ``noise`` is the normal draw, to be scaled."""
        assert noise is not None  # of a noisy rule
        like = next(iter(params.values()))
        step, friction = wide(self.step_size, like), wide(self.friction, like)
        injected = 2 * friction * step * self.temperature - step**2 * self.gradient_noise
        keep, step, noise_std = (scalar(n, like) for n in (1 - step * friction, step, root(injected.clamp(min=0))))
        slope = self.slope(params, grads)
        momentum = {
            name: keep * state["momentum"][name] - step * slope[name] + noise_std * noise[name] for name in params
        }
        return {name: param + step * momentum[name] for name, param in params.items()}, {"momentum": momentum}

    def logs(self, state: RuleState) -> dict[str, Tensor]:
        """Return the mean squared momentum, which is ``T`` where all is well."""
        return {"kinetic_temperature": mean_of({name: r * r for name, r in state["momentum"].items()})}
