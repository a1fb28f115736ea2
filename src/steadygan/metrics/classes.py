"""Metrics by class: which classes there are, and how near each is to its real examples."""

import math
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from steadygan.common.errors import bad_value
from steadygan.core.declare import fraction
from steadygan.metrics.classifier import classifier_for, known_labels
from steadygan.metrics.features import FeatureMetric, class_references, singular
from steadygan.metrics.fid_infinity import fid_of
from steadygan.metrics.fits import has_labelled_images, misfit
from steadygan.metrics.shell import SampleMetric, within


def histogram_scores(counts: Tensor, real: Tensor, share: float) -> tuple[float, float]:
    """Return how many classes have ``share`` of their due, and the histogram's divergence ``KL(counts | real)`` in
    nats.

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
    """``classes``, those that are there, and ``class_kl``, from the frequencies of the data; by the small classifier.

    Args:
        dataset: labelled images, on which the classifier is trained.
        samples: generated images.
        share: of its part of the data with which a class is there.

    Raises:
        UserError: the data set has no labelled images, or a setting is out of its range.
    """

    directions = {"classes": "max", "class_kl": "min"}

    def __init__(self, dataset: Any, samples: int = 2000, share: float = 0.25) -> None:
        if not has_labelled_images(dataset):
            raise misfit("class_histogram", dataset, "labelled images")
        super().__init__("class_histogram", samples)
        self.share = within("metrics.class_histogram.share", share, fraction)
        self.classifier = classifier_for(dataset)
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
        """Both."""
        return dict(zip(self.directions, histogram_scores(self.counts.cpu(), self.real, self.share)))


class IntraFID(FeatureMetric):
    """``intra_fid``: the mean over classes of the FID within each, for conditional GANs.

    Args:
        dataset: labelled images.
        samples: generated images, with the class frequencies of the data.
        split: "train" or "test", the images to compare with.
        **network: see ``FeatureMetric``.

    Raises:
        UserError: the data set has no labelled images, or a setting is none of its choices.

    Reference: Miyato and Koyama (2018), arXiv:1802.05637.
    """

    needs = ("samples", "labels")
    directions = {"intra_fid": "min"}
    node = "intra_fid"

    def __init__(
        self,
        dataset: Any,
        samples: int = 5000,
        split: str = "train",
        **network: Any,
    ) -> None:
        if not has_labelled_images(dataset):
            raise misfit("intra_fid", dataset, "labelled images")
        super().__init__(dataset, samples, split, **network)
        if self.samples < 2 * dataset.num_classes:
            problem = f"must be at least {2 * dataset.num_classes}: two of each of the {dataset.num_classes} classes"
            raise bad_value("metrics.intra_fid.samples", samples, problem)
        singular(self.node, self.samples // dataset.num_classes, self.network.num_features, "samples/classes")
        self.real = class_references(dataset, self.network, split)

    def keep(self) -> None:
        """Features and the classes that were asked for."""
        super().keep()
        self.add_state("requested", [], dist_reduce_fx="cat")

    def update(self, x: Tensor, label: Tensor) -> None:
        """Take images ``[n, C, H, W]`` and the classes ``[n]`` that they were asked to be of."""
        self.label = label[: max(self.samples - int(self.seen), 0)]
        super().update(x)

    def take(self, x: Tensor) -> None:
        """Keep features and classes."""
        super().take(x)
        self.requested.append(self.label.to(x.device))

    def of_features(self, features: Tensor) -> dict[str, float]:
        """Return the mean; nan where a class has fewer than two samples."""
        requested = torch.cat(self.requested) if isinstance(self.requested, list) else self.requested
        rows = [features[requested.cpu() == label] for label in range(len(self.real))]
        fewest = min(len(group) for group in rows)
        if fewest < 2:
            return {"intra_fid": float("nan")}
        if len(features) // len(rows) > features.shape[1]:  # where that is few, it has been said
            singular(self.node, fewest, features.shape[1], "samples of the rarest class")
        return {"intra_fid": fmean(map(fid_of, rows, self.real))}
