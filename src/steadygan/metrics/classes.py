"""Metrics by class: which classes there are, and how near each is to its real examples."""

import math
from statistics import fmean
from typing import Unpack

import torch
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from steadygan.common.errors import bad_value
from steadygan.core.declare import fraction
from steadygan.data.base import LabelledImages
from steadygan.metrics.base import SampleMetric
from steadygan.metrics.features.classifier import classifier_for, known_labels
from steadygan.metrics.features.metric import FeatureMetric, NetworkSettings, singular
from steadygan.metrics.features.references import class_references
from steadygan.metrics.fid_infinity import fid_of
from steadygan.metrics.fits import labelled


def histogram_scores(counts: Tensor, real: Tensor, share: float) -> tuple[float, float]:
    """Return how many classes have ``share`` of their due, and the divergence ``KL(counts | real)`` in nats.

    A class that the data do not have is not counted, and a sample of it makes the divergence infinite.

    Args:
        counts: ``[K]``, samples of each class.
        real: ``[K]``, those of the data.
        share: of the class's part of the data.
    """
    total, due = int(counts.sum()), real.double() / real.sum()
    if not total:
        return 0.0, math.log(len(counts))
    p = counts.double() / total
    present = (p >= share * due) & (due > 0)
    return float(present.sum()), float(torch.where(p > 0, torch.special.xlogy(p, p / due), 0).sum())


class ClassHistogram(SampleMetric):
    """``classes`` that are there, and ``class_kl`` from the frequencies of the data; by the small classifier."""

    directions = {"classes": "max", "class_kl": "min"}
    counts: Tensor

    def __init__(self, dataset: LabelledImages, samples: int = 2000, share: float = 0.25) -> None:
        super().__init__("class_histogram", samples)
        self.share = self.within("share", share, fraction)
        self.classifier = classifier_for(labelled("class_histogram", dataset))
        self.real = torch.bincount(known_labels(dataset, "train"), minlength=dataset.num_classes)
        self.provenance |= self.classifier.provenance | {
            "share": self.share,
            "most": {"classes": int((self.real > 0).sum())},
        }
        self.add_state("counts", torch.zeros(dataset.num_classes, dtype=torch.int64), dist_reduce_fx="sum")

    def take(self, x: Tensor) -> None:
        """Count the classes of images ``[n, C, H, W]``; one that is not finite is of none."""
        logits = self.classifier(x)[1]
        known = logits[logits.isfinite().all(1)].argmax(1)
        self.counts += torch.bincount(known, minlength=len(self.counts)).to(self.counts.device)

    def score(self) -> dict[str, float]:
        """Return both."""
        return dict(zip(self.directions, histogram_scores(self.counts.cpu(), self.real, self.share)))


class IntraFID(FeatureMetric):
    """``intra_fid``: the mean over classes of the FID within each, for conditional GANs.

    Reference: Miyato and Koyama (2018), arXiv:1802.05637.
    """

    needs = ("samples", "labels")
    directions = {"intra_fid": "min"}
    node = "intra_fid"
    requested: list[Tensor]

    def __init__(
        self,
        dataset: LabelledImages,
        samples: int = 5000,
        split: str = "train",
        **network: Unpack[NetworkSettings],
    ) -> None:
        super().__init__(labelled("intra_fid", dataset), samples, split, **network)
        if self.samples < 2 * dataset.num_classes:
            problem = f"must be at least {2 * dataset.num_classes}: two of each of the {dataset.num_classes} classes"
            raise bad_value("metrics.intra_fid.samples", samples, problem)
        singular(self.node, self.samples // dataset.num_classes, self.network.num_features, "samples/classes")
        self.real = class_references(dataset, self.network, split)

    def keep(self) -> None:
        """Declare features and the classes that were asked for."""
        super().keep()
        self.add_state("requested", [], dist_reduce_fx="cat")

    def take(self, x: Tensor) -> None:
        """Keep features and classes."""
        super().take(x)
        self.requested.append(self.label.to(x.device))

    def of_features(self, features: Tensor) -> dict[str, float]:
        """Return the mean; nan where a class has fewer than two samples."""
        requested = dim_zero_cat(self.requested).cpu()
        rows = [features[requested == label] for label in range(len(self.real))]
        fewest = min(len(group) for group in rows)
        if fewest < 2:
            return self.unknown()
        if len(features) // len(rows) > features.shape[1]:  # where that is few, it has been said
            singular(self.node, fewest, features.shape[1], "samples of the rarest class")
        return {"intra_fid": fmean(map(fid_of, rows, self.real))}
