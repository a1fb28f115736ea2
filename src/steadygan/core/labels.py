"""Labels as tensors: which are given, codes of classes, and the classifier that a discriminator can be as well.

A discriminator that tells classes has one logit ``l_k`` for each of the K classes; that of the class "generated" is
fixed at 0, which loses nothing. Then the softmax over K + 1 classes says "real" with the probability ``Z / (Z + 1)``,
``Z = sum_k exp(l_k)``: the sigmoid of ``log Z``, which is all that the adversarial loss sees.

Reference: Salimans et al. (2016), section 5, arXiv:1606.03498.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from steadygan.core.declare import Range
from steadygan.core.draws import generator
from steadygan.core.step_batch import StepBatch
from steadygan.core.types import Network, Number

size = Range("must be a whole number of at least 1", low=1.0, whole=True, structure=True)
"""Of a learnt code."""


def one_hot(label: Tensor, classes: int, dtype: torch.dtype) -> Tensor:
    """``[B, classes]`` of ``label [B]``, by comparison: ``F.one_hot`` checks values, which ``vmap`` and graphs cannot.

    A label outside 0 ... ``classes`` - 1 is all zeros.
    """
    return (label[:, None] == torch.arange(classes, device=label.device)).to(dtype)


stated_share = Range("must be between 0 and 1", low=0.0, high=1.0, structure=True)
STREAM = "labels/given"


@lru_cache(maxsize=64)
def given_rows(count: int, share: float, seed: int, device: torch.device | str = "cpu") -> Tensor:
    """``[count]`` truth values with exactly ``round(share * count)`` true ones: those of the smallest uniform draws.

    Each row has one draw, whatever the share, so the examples of a share are among those of any larger one.
    """
    draws = torch.rand(count, generator=generator(seed, STREAM), dtype=torch.float64)
    given = torch.zeros(count, dtype=torch.bool)
    given[draws.argsort(stable=True)[: round(share * count)]] = True
    return given.to(device)


def given_draws(count: int, share: float, source: torch.Generator) -> Tensor:
    """``[count]`` truth values, each true with the probability ``share``: for examples that never come again."""
    return torch.rand(count, generator=source, dtype=torch.float64, device=source.device) < share


def equal_weights(given: Tensor, dtype: torch.dtype) -> Tensor:
    """``[B]`` weights with which a mean over the batch is the mean over the ``given`` ones, and 0 where there are none.

    Made for the whole batch, so that means over the parts of several processes average to the same.
    """
    return given.to(dtype) * (len(given) / given.sum().clamp(min=1)).to(dtype)


def adversarial_logit(classes: Tensor) -> Tensor:
    """``log Z``, ``[B]``, of class logits ``[B, K]``."""
    return classes.logsumexp(-1)


def classification_loss(classes: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """``-log p(y | x, real)`` times ``weight``, ``[B]``: cross-entropy over the K classes.

    Args:
        classes: logits ``[B, K]`` of real examples.
        target: their classes ``[B]``; of those without weight it is not looked at.
        weight: ``[B]``, see ``equal_weights``.
    """
    chosen = one_hot(target, classes.shape[-1], classes.dtype)
    return -weight * (chosen * F.log_softmax(classes, -1)).sum(-1)


class Term(NamedTuple):
    """A loss of the discriminator beside the game's: a scalar of the real examples that it sees, and its weight."""

    weight: Number
    loss: Callable[[Tensor], Tensor]


class Classifying(Protocol):
    """A method of labels whose discriminator tells classes (``steadygan.networks.labels.SemiSupervised``)."""

    weight: Number

    def loss(self, classes: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Return ``[B]`` of class logits ``[B, K]`` of real examples."""
        ...


def classification(labels: Classifying, network: Network, batch: StepBatch) -> Term:
    """Return the loss of a discriminator that tells classes, in a forward pass of its own.

    Penalties differentiate the adversarial pass, a function of single examples.
    """

    def loss(seen: Tensor) -> Tensor:
        classes, _ = network(seen)
        assert batch.target is not None  # where a discriminator tells classes
        assert batch.target_weight is not None
        return labels.loss(classes, batch.target, batch.target_weight).mean()

    return Term(labels.weight, loss)
