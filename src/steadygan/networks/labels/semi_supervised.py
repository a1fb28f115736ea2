"""The discriminator tells classes as well.

Reference: Salimans et al. (2016), section 5, arXiv:1606.03498.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial, wraps
from typing import ClassVar

import torch
from torch import Tensor

from steadygan.common.errors import bad_value
from steadygan.core.declare import declare, nonnegative
from steadygan.core.labels import adversarial_logit, classification_loss, equal_weights, stated_share
from steadygan.core.types import Apply, Number, Tensors
from steadygan.data.base import Dataset
from steadygan.networks.labels.base import Builder, classes_of

SEES = ("discriminator", "penalty_discriminator")


@declare(share=stated_share, weight=nonnegative)
@dataclass(frozen=True)
class SemiSupervised:
    """Semi-supervised GAN.

    D has an output for each class, whose logsumexp is the logit that any loss, penalty and noise sees; it also
    minimises the cross-entropy of those real examples whose label is given. The generator is as ever.

    Attributes:
        weight: of that cross-entropy beside the loss; the paper has 1.
        classes: how many the data should have; None: whatever they have.
    """

    players: ClassVar[frozenset[str]] = frozenset({"discriminator"})
    offers: ClassVar[frozenset[str]] = frozenset({"samples", "classifier"})

    weight: Number = 1.0
    classes: int | None = None

    def count(self, dataset: Dataset) -> int:
        """Return the number of classes of the data, at least 2."""
        known = classes_of(dataset, self.classes, "semi_supervised")
        if known < 2:
            raise bad_value("labels", "semi_supervised", "needs at least 2 classes, the data have 1", ["none"])
        return known

    def builders(self, builders: Mapping[str, Builder], classes: int, all_given: bool) -> dict[str, Builder]:
        """Return the discriminator with ``outputs=classes``."""
        return {**builders, "discriminator": partial(builders["discriminator"], outputs=classes)}

    def functions(self, functions: Mapping[str, Apply]) -> dict[str, Apply]:
        """Return the discriminator as its adversarial logit, and with all its logits as ``classifier``."""
        logits = {name: adversarial(functions[name]) for name in SEES if name in functions}
        return {**functions, **logits, "classifier": functions["discriminator"]}

    def batch_fields(self, y: Tensor, given: Tensor, classes: int, dtype: torch.dtype) -> dict[str, Tensor]:
        """``target``, the classes of the real examples, and ``target_weight``, which counts those that are given."""
        return {"target": y, "target_weight": equal_weights(given, dtype)}

    def loss(self, classes: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Return ``[B]`` of class logits ``[B, K]`` of real examples."""
        return classification_loss(classes, target, weight)


def adversarial(apply: Apply) -> Apply:
    """Return a network of class logits as one of adversarial logits."""

    @wraps(apply)
    def logits(params: Tensors, buffers: Tensors, *inputs: Tensor, **place: Number) -> tuple[Tensor, Tensors]:
        classes, new_buffers = apply(params, buffers, *inputs, **place)
        return adversarial_logit(classes), new_buffers

    return logits
