"""Modes of stacked digits: those met, and the KL divergence.

Reference: Srivastava et al. (2017), section 4.2, arXiv:1705.07761; Lin et al. (2018), arXiv:1712.04086.
"""

import math

import torch
from torch import Tensor

from steadygan.data.base import ImageData
from steadygan.metrics.base import SampleMetric
from steadygan.metrics.features.classifier import classifier_for
from steadygan.metrics.fits import has_labelled_images, misfit


def mode_of(logits: Tensor) -> Tensor:
    """Return the mode ``[n]`` of classes ``[n, channels, K]``: their numbers as the digits of one number."""
    modes = torch.zeros(len(logits), dtype=torch.int64, device=logits.device)
    for channel in logits.argmax(2).unbind(1):
        modes = modes * logits.shape[2] + channel
    return modes


class StackedModes(SampleMetric):
    """``modes``, those with at least one sample, and ``kl``, of their histogram from the uniform one, in nats."""

    directions = {"modes": "max", "kl": "min"}
    counts: Tensor

    def __init__(self, dataset: ImageData, samples: int = 26_000) -> None:
        digits = getattr(dataset, "digits", None)
        if digits is None or not has_labelled_images(digits):
            raise misfit("stacked_modes", dataset, "stacked digits")
        super().__init__("stacked_modes", samples)
        self.classifier, self.channels = classifier_for(digits), dataset.shape[0]
        number = digits.num_classes**self.channels
        self.add_state("counts", torch.zeros(number, dtype=torch.int64), dist_reduce_fx="sum")
        self.provenance |= self.classifier.provenance | {"most": {"modes": number}}

    def take(self, x: Tensor) -> None:
        """Count the modes of images ``[n, channels, H, W]``; one that is not finite is of none."""
        logits = self.classifier(x.flatten(0, 1)[:, None])[1].unflatten(0, (len(x), self.channels))
        modes = mode_of(logits[logits.isfinite().flatten(1).all(1)])
        self.counts += torch.bincount(modes, minlength=len(self.counts)).to(self.counts.device)

    def score(self) -> dict[str, float]:
        """Return both; of no samples the largest divergence there is."""
        total = int(self.counts.sum())
        p = self.counts.double() / max(total, 1)
        kl = float(torch.special.xlogy(p, p * len(p)).sum()) if total else math.log(len(p))
        return {"modes": float((self.counts > 0).sum()), "kl": kl}
