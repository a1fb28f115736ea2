"""The covariance-controlled adaptive Langevin thermostat."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from steadygan.core.declare import declare, positive
from steadygan.core.rules import gradient_noise
from steadygan.core.rules.langevin import one_of, root
from steadygan.core.rules.thermostat import Thermostat
from steadygan.core.scalars import scalar
from steadygan.core.types import Tensors


@declare(temperature=positive)
@dataclass(frozen=True)
class Ccadl(Thermostat):
    """SGNHT with the friction ``h S / (2 T)`` beside ``xi``, ``S`` the running mean of the covariance of ``dU`` (Shang,
    Zhu, Leimkuhler & Storkey 2015, algorithm 1: ``(h / 2) (N^2 / n) I_t``, ``I_t`` the covariance of one example's
    gradient, ``n`` examples a batch, unit temperature).

    A kick ``h dU`` with noise of covariance ``S`` heats the momenta by ``h^2 S`` a step, and this friction takes it
    away from each weight by itself; the thermostat is left with what is the same for all. So noise that differs from
    weight to weight is removed too, up to the order of the step size.

    The paper's algorithm 1 is Euler's method; here the friction is solved exactly (``p e^{-h^2 S / (2 T)}``) inside
    the symmetric splitting of ``Thermostat``, as Wei & Shang 2025 (mCCAdL) propose. ``S`` is estimated from batch to
    batch (see ``gradient_noise``). There is no ``T = 0``: noise cannot be cooled to nothing by friction.

    Attributes:
        covariance: ``diagonal`` or ``scalar`` (one number for all weights, which leaves SGNHT's errors).

    Raises:
        UserError: a word that is no choice.
    """

    covariance: str = "diagonal"

    def __post_init__(self) -> None:
        one_of("covariance", self.covariance, gradient_noise.FORMS)

    def init(self, params: Tensors) -> dict[str, Any]:
        """At rest, no gradient seen."""
        return {**super().init(params), "noise": gradient_noise.begin(params, self.covariance)}

    def update(
        self, params: Tensors, grads: Tensors, state: dict[str, Any], noise: Tensors
    ) -> tuple[Tensors, dict[str, Any]]:
        """See the class; ``noise`` is the normal draw, to be scaled."""
        seen = gradient_noise.observe(state["noise"], grads, self.covariance)
        like = next(iter(params.values()))
        rate = scalar((self.num_data * self.step_size) ** 2 / (4 * self.temperature), like)  # of half a step
        keep = {name: torch.exp(-rate * covariance) for name, covariance in seen["covariance"].items()}
        new, moved = self.split_step(
            params,
            self.slope(params, grads),
            state,
            noise,
            damp=lambda momentum: {name: keep[name] * p for name, p in momentum.items()},
        )
        return new, {**moved, "noise": seen}

    def logs(self, state: dict[str, Any]) -> dict[str, Tensor]:
        """Those of the thermostat, and the root of the mean of ``S`` over all weights."""
        noise_level = root(gradient_noise.mean_variance(state["noise"])) * self.num_data
        return {**super().logs(state), "noise_level": noise_level}
