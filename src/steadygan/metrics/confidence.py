"""How sure a classifier is of samples: of all of them, and of the worst ones."""

import math

import torch
from torch import Tensor

from steadygan.core.declare import Range
from steadygan.data.base import LabelledImages
from steadygan.metrics.base import KeepingMetric
from steadygan.metrics.features.classifier import classifier_for
from steadygan.metrics.fits import labelled

tail_share = Range("must be greater than 0 and at most 1", low=0.0, high=1.0, open_low=True)


def confidences(logits: Tensor) -> Tensor:
    """Return the largest probability ``[n]`` of class logits ``[n, K]``, from 1/K to 1; 0 where they are not finite."""
    largest = logits.softmax(1).amax(1)
    return torch.where(largest.isfinite(), largest, 0.0)


def lowest(values: Tensor, share: float) -> Tensor:
    """Return the mean of the smallest ``share`` of values ``[n]``, at least of one."""
    count = max(1, math.ceil(share * len(values) - 1e-9))
    return values.sort().values[:count].mean()


class Confidence(KeepingMetric):
    """``confidence``, the mean over samples of the small classifier's largest probability, and ``confidence_tail``.

    The latter is of the ``tail`` of samples of which it is least sure: what has no structure looks like no class.

    It says nothing of diversity: one good image over and over has all the confidence there is.

    Reference: Pani (undated), section 5.2.
    """

    directions = {"confidence": "max", "confidence_tail": "max"}

    def __init__(self, dataset: LabelledImages, samples: int = 2000, tail: float = 0.1) -> None:
        super().__init__("confidence", samples)
        self.tail = self.within("tail", tail, tail_share)
        self.classifier = classifier_for(labelled("confidence", dataset))
        self.provenance |= self.classifier.provenance | {"tail": self.tail, "most": dict.fromkeys(self.directions, 1.0)}
        self.keep()

    def look(self, x: Tensor) -> Tensor:
        """Return the confidences of images ``[n, C, H, W]``."""
        return confidences(self.classifier(x)[1])

    def of_kept(self, kept: Tensor) -> dict[str, float]:
        """Return both."""
        return {"confidence": float(kept.mean()), "confidence_tail": float(lowest(kept, self.tail))}
