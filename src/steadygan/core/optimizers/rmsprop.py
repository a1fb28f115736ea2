"""RMSProp."""

from dataclasses import dataclass

import torch

from steadygan.core.declare import decay, declare, positive, signed_as
from steadygan.core.optimizers.base import UpdateRule
from steadygan.core.scalars import scalar
from steadygan.core.types import Number, RuleState, Tensors


@signed_as("steadygan.core.rules.RmsProp")
@declare(lr=positive, alpha=decay, eps=positive)
@dataclass(frozen=True)
class RmsProp(UpdateRule):
    """RMSProp.

    ``v <- alpha v + (1 - alpha) g^2``, ``theta <- theta - lr g / (sqrt(v) + eps)``; as
    torch's ``RMSprop``.

    Attributes:
        lr: the learning rate.
        alpha: decay of the mean square, in [0, 1).
        eps: added to the root.

    Reference: Tieleman and Hinton (2012).
    """

    lr: Number
    alpha: Number = 0.99
    eps: Number = 1e-8

    def init(self, params: Tensors) -> RuleState:
        """Return a mean square of 0."""
        return {"square": {name: torch.zeros_like(param) for name, param in params.items()}}

    def update(
        self, params: Tensors, grads: Tensors, state: RuleState, noise: Tensors | None = None
    ) -> tuple[Tensors, RuleState]:
        """See the class."""
        like = next(iter(params.values()))
        share, rate, eps = scalar(1 - self.alpha, like), scalar(-self.lr, like), scalar(self.eps, like)
        tiny = torch.finfo(like.dtype).tiny  # the slope of the root at 0 is infinite, and look-ahead goes through it
        new, square = {}, {}
        for name, param in params.items():
            grad = grads[name]
            square[name] = torch.lerp(state["square"][name], grad * grad, share)
            new[name] = torch.addcdiv(param, rate * grad, square[name].clamp_min(tiny).sqrt() + eps)
        return new, {"square": square}
