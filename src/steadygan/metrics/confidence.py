"""How sure a classifier is of samples: of all of them, and of the worst ones."""

import math
from typing import Any

import torch
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from steadygan.core.declare import Range
from steadygan.metrics.classifier import classifier_for
from steadygan.metrics.fits import has_labelled_images, misfit
from steadygan.metrics.shell import SampleMetric, within

tail_share = Range("must be greater than 0 and at most 1", low=0.0, high=1.0, open_low=True)


def confidences(logits: Tensor) -> Tensor:
    """Return the largest probability ``[n]`` of class logits ``[n, K]``, from 1/K to 1; 0 where they are not finite."""
    largest = logits.softmax(1).amax(1)
    return torch.where(largest.isfinite(), largest, 0.0)


def lowest(values: Tensor, share: float) -> Tensor:
    """Return the mean of the smallest ``share`` of values ``[n]``, at least of one."""
    count = max(1, math.ceil(share * len(values) - 1e-9))
    return values.sort().values[:count].mean()


class Confidence(SampleMetric):
    """``confidence``, the mean over samples of the small classifier's largest probability, and ``confidence_tail``.

    The latter is of the ``tail`` of samples of which it is least sure: what has no structure looks like no class.

    It says nothing of diversity: one good image over and over has all the confidence there is.

    Args:
        dataset: labelled images, on which the classifier is trained.
        samples: generated images.
        tail: share of them that are the worst ones.

    Raises:
        UserError: the data set has no labelled images, or a setting is out of its range.

    Reference: Pani (undated), section 5.2.
    """

    directions = {"confidence": "max", "confidence_tail": "max"}

    def __init__(self, dataset: Any, samples: int = 2000, tail: float = 0.1) -> None:
        if not has_labelled_images(dataset):
            raise misfit("confidence", dataset, "labelled images")
        super().__init__("confidence", samples)
        self.tail = within("metrics.confidence.tail", tail, tail_share)
        self.classifier = classifier_for(dataset)
        self.provenance |= self.classifier.provenance | {"tail": self.tail, "most": dict.fromkeys(self.directions, 1.0)}
        self.add_state("kept", [], dist_reduce_fx="cat")

    def take(self, x: Tensor) -> None:
        """Keep the confidences of images ``[n, C, H, W]``."""
        self.kept.append(confidences(self.classifier(x)[1]))

    def score(self) -> dict[str, float]:
        """Both."""
        kept = dim_zero_cat(self.kept)
        return {"confidence": float(kept.mean()), "confidence_tail": float(lowest(kept, self.tail))}
