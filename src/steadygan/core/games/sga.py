"""Symplectic gradient adjustment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from steadygan.core.declare import declare, nonnegative
from steadygan.core.games.base import Gradient
from steadygan.core.games.ordered import Ordered, Position
from steadygan.core.scalars import scalar
from steadygan.core.types import Number, Tensors

EPSILON = 0.1
"""In the sign: near a fixed point the adjustment is added (Balduzzi et al. 2018, section 3.4)."""


@declare(weight=nonnegative)
@dataclass(frozen=True)
class Sga(Ordered):
    """Symplectic gradient adjustment.

    Each player follows ``v + weight s A^T v``, ``v`` the gradients of both, ``A = (J - J^T) / 2`` the antisymmetric
    part of their Jacobian: what turns is turned inwards.

    Unlike ``J^T v`` of consensus optimisation, ``A^T v`` does not pull towards unstable fixed points.

    Attributes:
        memory_factor: see ``Game``: both gradients, ``J^T v``, and ``J v`` by another pass over that.
        weight: the paper's lambda.
        align: whether ``s`` is ``sign(<v, J^T v> <A^T v, J^T v> / d + 1/10)`` (their proposition 9), which turns
            towards stable fixed points and away from unstable ones; else ``s`` is 1. Over ``d`` parameters.
        update: ``simultaneous`` as in the paper, or ``alternating``.

    Reference: Balduzzi et al. (2018), definition 5, arXiv:1802.05642.
    """

    memory_factor: ClassVar[int] = 5

    update: str = "simultaneous"
    weight: Number = 1.0
    align: bool = True

    limit = property(Ordered._simultaneous, doc="The game in the limit of small steps: of the same bent field.")

    def gradient(self, player: str, at: Position) -> Gradient:
        """See the class."""
        parts, where = at.field(), (at.state, at.batches)
        field = {name: part.grads for name, part in parts.items()}
        pull, push = at.players.pullback(*where, field), at.players.pushforward(*where, field)
        adjustment = {
            name: {key: (value - push[name][key]) / 2 for key, value in own.items()} for name, own in pull.items()
        }
        own, more = parts[player], adjustment[player]
        weight = scalar(self.weight, next(iter(more.values())))
        if self.align:
            weight = weight * _sign(field, pull, adjustment)
        return own._replace(grads={name: grad + weight * more[name] for name, grad in own.grads.items()})


def _sign(field: Mapping[str, Tensors], pull: Mapping[str, Tensors], adjustment: Mapping[str, Tensors]) -> Tensor:
    size = sum(value.numel() for own in field.values() for value in own.values())
    product = _inner(field, pull) * _inner(adjustment, pull) / size + EPSILON
    return torch.where(product >= 0, 1.0, -1.0).to(product.dtype)


def _inner(a: Mapping[str, Tensors], b: Mapping[str, Tensors]) -> Tensor:
    return torch.stack([(value * b[name][key]).sum() for name, own in a.items() for key, value in own.items()]).sum()
