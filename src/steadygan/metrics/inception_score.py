"""The inception score, on the data set's own small classifier or on Inception.

Reference: Salimans et al. (2016), section 4, arXiv:1606.03498.
"""

from itertools import pairwise
from typing import Unpack

import numpy as np
import torch
from torch import Tensor

from steadygan.common.errors import bad_value
from steadygan.data.base import ImageData
from steadygan.metrics.base import KeepingMetric
from steadygan.metrics.features.metric import NetworkSettings, by_content, network_for
from steadygan.metrics.fits import has_images, misfit

SHUFFLE_SEED = 2020
"""Of the order in which samples are cut into parts: that of torch-fidelity."""


def score_of_logits(logits: Tensor, splits: int = 1) -> float:
    """Return ``exp(E_x KL(p(y|x) || p(y)))``, from 1 to the number of classes; the mean over ``splits`` equal parts.

    Args:
        logits: ``[N, K]``, of p(y|x).
        splits: parts, each with its own p(y), of the samples shuffled by a fixed seed as torch-fidelity shuffles them:
            parts of files in the order of their classes would each hold few classes. nan of fewer samples than parts.
    """
    if len(logits) < splits:
        return float("nan")
    scores = []
    if splits > 1:
        logits = logits[torch.from_numpy(np.random.RandomState(SHUFFLE_SEED).permutation(len(logits)))]
    ends = [len(logits) * index // splits for index in range(splits + 1)]
    for start, end in pairwise(ends):
        part = logits[start:end].double()
        conditional = part.log_softmax(1)
        marginal = conditional.logsumexp(0) - torch.tensor(float(len(part)), dtype=torch.float64).log()
        scores.append((conditional.exp() * (conditional - marginal)).sum(1).mean().exp())
    return float(torch.stack(scores).mean())


class InceptionScore(KeepingMetric):
    """``is``."""

    directions = {"is": "max"}
    fingerprint = staticmethod(by_content)

    def __init__(
        self, dataset: ImageData, samples: int = 2000, splits: int = 1, **network: Unpack[NetworkSettings]
    ) -> None:
        if not has_images(dataset):
            raise misfit("inception_score", dataset, "images")
        super().__init__("inception_score", samples)
        self.splits = self.whole("splits", splits, 1)
        if self.splits > self.samples:
            raise bad_value("metrics.inception_score.splits", splits, f"more than the {self.samples} samples")
        self.network = network_for("inception_score", dataset, **network)
        self.keep()
        self.provenance |= self.network.provenance | {"splits": self.splits}
        self.provenance["least"] = {"is": 1}  # of any one picture
        self.provenance["shuffle_seed"] = SHUFFLE_SEED if self.splits > 1 else None

    def look(self, x: Tensor) -> Tensor:
        """Return the logits of images ``[n, C, H, W]``."""
        return self.network(x)[1]

    def of_kept(self, kept: Tensor) -> dict[str, float]:
        """Return the score."""
        return {"is": score_of_logits(kept.cpu(), self.splits)}
