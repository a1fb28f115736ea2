"""The covariance-controlled adaptive Langevin thermostat."""

from dataclasses import dataclass

import torch
from torch import Tensor

from steadygan.core.declare import count, declare, positive, signed_as
from steadygan.core.optimizers import gradient_noise
from steadygan.core.optimizers.controlled import Controlled
from steadygan.core.optimizers.langevin import root
from steadygan.core.optimizers.thermostat import Thermostat
from steadygan.core.scalars import scalar
from steadygan.core.types import RuleState, Tensors


@signed_as("steadygan.core.rules.Ccadl")
@declare(temperature=positive, batch_size=count)
@dataclass(frozen=True)
class Ccadl(Thermostat, Controlled):
    """Covariance-controlled adaptive Langevin thermostat.

    SGNHT with the friction ``h S / (2 T)`` beside ``xi``, ``S`` the running mean of the covariance of ``dU`` (Shang
    et al. 2015: ``(h / 2) (N^2 / n) I_t``, ``I_t`` the covariance of one example's
    gradient, ``n`` examples a batch, unit temperature).

    A kick ``h dU`` with noise of covariance ``S`` heats the momenta by ``h^2 S`` a step, and this friction takes it
    away from each weight by itself; the thermostat is left with what is the same for all. So noise that differs from
    weight to weight is removed too, up to the order of the step size.

    The paper's algorithm 1 is Euler's method; here the friction is solved exactly (``p e^{-h^2 S / (2 T)}``) inside
    the symmetric splitting of ``Thermostat``, as Wei & Shang 2025 (mCCAdL) propose. There is no ``T = 0``: noise cannot
    be cooled to nothing by friction. ``covariance=scalar`` leaves SGNHT's errors, ``diagonal`` those that correlations
    between weights make; settings in ``Thermostat`` and ``Controlled``.

    Reference: Shang et al. (2015), algorithm 1, arXiv:1510.08692; Wei and Shang (2025), arXiv:2512.24515.
    """

    def init(self, params: Tensors) -> RuleState:
        """Return the state at rest, before the first gradient."""
        return {**super().init(params), "noise": self.begin(params)}

    def update(
        self,
        params: Tensors,
        grads: Tensors,
        state: RuleState,
        noise: Tensors | None = None,
        grad_covariance: Tensors | None = None,
    ) -> tuple[Tensors, RuleState]:
        """See the class; ``noise`` is the normal draw, to be scaled, ``grad_covariance`` that of the examples."""
        assert noise is not None  # of a noisy rule
        estimate = self.observe(state["noise"], grads, grad_covariance)
        like = next(iter(params.values()))
        rate = scalar((self.num_data * self.step_size) ** 2 / (4 * self.temperature), like)  # of half a step
        damp = self.form.function(estimate["covariance"], lambda variance: torch.exp(-rate * variance))
        new, moved = self.split_step(params, self.slope(params, grads), state, noise, damp)
        return new, {**moved, "noise": estimate}

    def logs(self, state: RuleState) -> dict[str, Tensor]:
        """Those of the thermostat, and the root of the mean of ``S`` over all weights."""
        noise_level = root(gradient_noise.mean_variance(state["noise"], self.covariance)) * self.num_data
        return {**super().logs(state), "noise_level": noise_level}
