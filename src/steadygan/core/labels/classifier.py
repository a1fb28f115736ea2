"""A discriminator that tells classes.

It has one logit ``l_k`` for each of the K classes; that of the class "generated" is fixed at 0, which loses nothing.
Then the softmax over K + 1 classes says "real" with the probability ``Z / (Z + 1)``, ``Z = sum_k exp(l_k)``: the
sigmoid of ``log Z``, which is all that the adversarial loss sees.

Reference: Salimans et al. (2016), section 5, arXiv:1606.03498.
"""

import torch.nn.functional as F
from torch import Tensor

from steadygan.core.labels.codes import one_hot


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
