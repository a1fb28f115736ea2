"""Langevin dynamics whose friction adapts itself until the weights have the right temperature."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from steadygan.core.declare import declare, nonnegative, positive
from steadygan.core.optimizers.langevin import Langevin, mean_of, root, wide
from steadygan.core.scalars import scalar
from steadygan.core.types import Number, RuleState, Tensors


@declare(diffusion=nonnegative, thermal_mass=positive)
@dataclass(frozen=True)
class Thermostat(Langevin):
    """Adaptive Langevin dynamics.

    ``dtheta = p dt``, ``dp = -dU dt - xi p dt + sqrt(2 A T) dw``,
    ``dxi = (|p|^2 / n - T) / mu dt`` for all ``n`` weights of the player together.

    Constant isotropic gradient noise is as good as more diffusion: ``xi`` settles at the friction that balances both,
    and the law is ``exp(-(U + |p|^2 / 2) / T)`` times ``xi ~ N(A + A', T / (n mu))``, ``2 A' T = h s^2``.

    Attributes:
        diffusion: ``A``, the friction that the injected noise alone would need.
        thermal_mass: ``mu``; how slowly the friction adapts.

    Reference: Ding et al. (2014); Leimkuhler and Shang (2016), arXiv:1505.06889.
    """

    diffusion: Number = 1.0
    thermal_mass: Number = 1.0

    def init(self, params: Tensors) -> RuleState:
        """At rest; ``excess`` is ``xi - A`` (in float64, as it adds up small terms), so ``xi`` begins at ``A``."""
        like = next(iter(params.values()))
        momentum = {name: torch.zeros_like(param) for name, param in params.items()}
        return {"momentum": momentum, "excess": wide(0.0, like)}

    def logs(self, state: RuleState) -> dict[str, Tensor]:
        """Return the friction ``xi`` and the mean squared momentum, which is ``T`` where all is well."""
        return {
            "thermostat": state["excess"] + self.diffusion,
            "kinetic_temperature": _temperature(state["momentum"]),
        }

    def split_step(
        self,
        params: Tensors,
        slope: Tensors,
        state: RuleState,
        noise: Tensors,
        damp: Callable[[Tensors], Tensors] = lambda momentum: momentum,
    ) -> tuple[Tensors, RuleState]:
        """One step of the symmetric splitting BADODAB (Leimkuhler & Shang 2016).

        The kick B that ends a step and the one that begins the next are at the same place: they are made as one, with
        one gradient, when it is there. The rest is symmetric: half a drift A, half of what is between, and back.
        ``damp`` is half a step of further friction, outside D and O.
        """
        like = next(iter(params.values()))
        step = scalar(self.step_size, like)
        momentum = {name: p - step * slope[name] for name, p in state["momentum"].items()}
        params = _drift(params, momentum, step / 2)
        momentum = damp(momentum)
        excess = self._adapt(state["excess"], momentum)
        momentum = self._relax(momentum, excess, noise)
        excess = self._adapt(excess, momentum)
        momentum = damp(momentum)
        return _drift(params, momentum, step / 2), {"momentum": momentum, "excess": excess}

    def _adapt(self, excess: Tensor, momentum: Tensors) -> Tensor:
        """D, half a step."""
        rate = wide(self.step_size, excess) / 2 / self.thermal_mass
        return excess + rate * (_temperature(momentum) - self.temperature)

    def _relax(self, momentum: Tensors, excess: Tensor, noise: Tensors) -> Tensors:
        """O, a whole step, exact: ``p e^{-xi h} + N(0, A T (1 - e^{-2 xi h}) / xi)``, for ``xi`` of either sign."""
        like = next(iter(momentum.values()))
        step, diffusion = wide(self.step_size, excess), wide(self.diffusion, excess)
        exponent = (excess + diffusion) * step
        variance = 2 * diffusion * self.temperature * step * _mean_decay(2 * exponent)
        keep, noise_std = scalar(torch.exp(-exponent), like), scalar(root(variance), like)
        return {name: keep * p + noise_std * noise[name] for name, p in momentum.items()}


def _drift(params: Tensors, momentum: Tensors, time: Tensor) -> Tensors:
    """Apply the map A of the splitting: drift for a time."""
    return {name: param + time * momentum[name] for name, param in params.items()}


def _temperature(momentum: Tensors) -> Tensor:
    return mean_of({name: p * p for name, p in momentum.items()})


def _mean_decay(x: Tensor) -> Tensor:
    """``(1 - e^-x) / x``, 1 at 0."""
    safe = torch.where(x == 0, 1.0, x)
    return torch.where(x == 0, 1.0, -torch.expm1(-safe) / safe)
