"""Adam."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from steadygan.core.declare import decay, declare, positive, signed_as
from steadygan.core.optimizers.base import UpdateRule
from steadygan.core.scalars import scalar
from steadygan.core.types import Number, RuleState, Tensors


@signed_as("steadygan.core.rules.Adam")
@declare(lr=positive, beta1=decay, beta2=decay, eps=positive)
@dataclass(frozen=True)
class Adam(UpdateRule):
    """Kingma & Ba 2015, algorithm 1; as torch's ``Adam``.

    The bias corrections are moved out of the tensors (the remark before section 2.1):
    ``lr (m / c1) / (sqrt(v / c2) + eps) = (lr sqrt(c2) / c1) m / (sqrt(v) + eps sqrt(c2))``, ``c = 1 - beta^step``.

    Attributes:
        lr: the learning rate.
        beta1: decay of the mean gradient, in [0, 1).
        beta2: decay of its mean square, in [0, 1).
        eps: added to the root.

    Reference: Kingma and Ba (2015), algorithm 1, arXiv:1412.6980.
    """

    counters: ClassVar[tuple[str, ...]] = ("power1", "power2")

    lr: Number
    beta1: Number
    beta2: Number
    eps: Number = 1e-8

    def init(self, params: Tensors) -> RuleState:
        """Moments of 0; ``power1`` and ``power2`` are ``beta^step`` in float64, so that the corrections lose nothing.

        They are kept, not computed from the number of steps: compiled programs would do so again for every few weights.
        """
        device = next(iter(params.values())).device
        one = torch.ones((), dtype=torch.float64, device=device)
        return {
            "power1": one,
            "power2": one.clone(),
            "mean": {name: torch.zeros_like(param) for name, param in params.items()},
            "square": {name: torch.zeros_like(param) for name, param in params.items()},
        }

    def update(
        self, params: Tensors, grads: Tensors, state: RuleState, noise: Tensors | None = None
    ) -> tuple[Tensors, RuleState]:
        """See the class. Seven operations a tensor; the scalars are made once for all."""
        like = next(iter(params.values()))
        power1, power2 = state["power1"] * self.beta1, state["power2"] * self.beta2
        root = (1 - power2).sqrt()
        rate, eps = scalar(-self.lr * root / (1 - power1), like), scalar(self.eps * root, like)
        share1, share2 = scalar(1 - self.beta1, like), scalar(1 - self.beta2, like)
        tiny = torch.finfo(like.dtype).tiny  # the slope of the root at 0 is infinite, and look-ahead goes through it
        new, mean, square = {}, {}, {}
        for name, param in params.items():
            grad = grads[name]
            mean[name] = torch.lerp(state["mean"][name], grad, share1)
            square[name] = torch.lerp(state["square"][name], grad * grad, share2)
            new[name] = torch.addcdiv(param, rate * mean[name], square[name].clamp_min(tiny).sqrt() + eps)
        return new, {"power1": power1, "power2": power2, "mean": mean, "square": square}
