"""Orthogonal regularisation."""

import torch
from torch import Tensor

from steadygan.core.declare import declare, nonnegative
from steadygan.core.scalars import scalar
from steadygan.core.types import Number, Tensors


@declare(projection=True, step=True, weight=nonnegative)
def orthogonal(params: Tensors, *, weight: Number) -> Tensors:
    """Orthogonal regularisation.

    After each update a step of size ``weight`` down ``1/4 |W W^T * (1 - I)|^2``, for every weight matrix of D: its
    rows become orthogonal, of whatever length (in Brock et al. 2019 it is of G, a part of the loss, and
    without the 1/4; here a step of its own, so that no update rule scales it).

    A convolution's rows are its filters. Vectors (biases, gains) stay as they are.

    Reference: Brock et al. (2019), section 3.1, arXiv:1809.11096.
    """
    return {name: _step(param, weight) if param.ndim > 1 else param for name, param in params.items()}


def _step(param: Tensor, weight: Number) -> Tensor:
    rows = param.flatten(1)
    gram = rows @ rows.mT
    between = gram * (1 - torch.eye(len(rows), dtype=param.dtype, device=param.device))
    return (rows - scalar(weight, param) * (between @ rows)).view(param.shape)
