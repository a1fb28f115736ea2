"""An update rule of one's own: steps of one length, whatever the gradient's."""

from dataclasses import dataclass
from typing import Any

from steadygan.core.declare import declare, positive
from steadygan.core.optimizers.base import UpdateRule
from steadygan.core.scalars import scalar
from steadygan.core.types import Number, Tensors


@declare(lr=positive)
@dataclass(frozen=True)
class SignDescent(UpdateRule):
    """``theta <- theta - lr sign(grad)``."""

    lr: Number

    def update(
        self, params: Tensors, grads: Tensors, state: dict[str, Any], noise: Tensors | None = None
    ) -> tuple[Tensors, dict[str, Any]]:
        return {name: value - scalar(self.lr, value) * grads[name].sign() for name, value in params.items()}, state
