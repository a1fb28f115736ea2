"""Stochastic gradient descent."""

from dataclasses import dataclass

import torch

from steadygan.core.declare import decay, declare, nonnegative, positive, signed_as
from steadygan.core.optimizers.base import UpdateRule
from steadygan.core.scalars import scalar
from steadygan.core.types import Number, RuleState, Tensors


@signed_as("steadygan.core.rules.Sgd")
@declare(lr=positive, momentum=decay, weight_decay=nonnegative)
@dataclass(frozen=True)
class Sgd(UpdateRule):
    """``v <- momentum v + g``, ``theta <- theta - lr v``, with ``g = grad + weight_decay theta``; as torch's ``SGD``.

    Attributes:
        lr: the learning rate.
        momentum: in [0, 1).
        weight_decay: the factor of an L2 term.
    """

    lr: Number
    momentum: Number = 0.0
    weight_decay: Number = 0.0

    def init(self, params: Tensors) -> RuleState:
        """No velocity."""
        return {"velocity": {name: torch.zeros_like(param) for name, param in params.items()}}

    def update(
        self, params: Tensors, grads: Tensors, state: RuleState, noise: Tensors | None = None
    ) -> tuple[Tensors, RuleState]:
        """See the class."""
        like = next(iter(params.values()))
        lr, momentum, weight_decay = (scalar(n, like) for n in (self.lr, self.momentum, self.weight_decay))
        velocity = {
            name: momentum * state["velocity"][name] + (grads[name] + weight_decay * param)
            for name, param in params.items()
        }
        return {name: param - lr * velocity[name] for name, param in params.items()}, {"velocity": velocity}
