"""Weight decay of the discriminator."""

from steadygan.core.declare import declare, fraction
from steadygan.core.types import Number, Tensors


@declare(projection=True, step=True, weight=fraction)
def weight_decay(params: Tensors, *, weight: Number) -> Tensors:
    """Decoupled weight decay of the discriminator.

    After each update all parameters, biases too, are shrunk by the factor ``1 - weight`` (Loshchilov & Hutter 2019:
    decay beside the gradient, so that no update rule scales it).

    With plain gradient descent of learning rate ``lr`` it is the penalty ``weight / (2 lr) |params|^2``. The rule
    ``adamw`` has a decay for either player, in units of its learning rate.

    Reference: Loshchilov and Hutter (2019), arXiv:1711.05101.
    """
    return {name: (1 - weight) * param for name, param in params.items()}
