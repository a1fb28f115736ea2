"""The Frechet distance of features (Heusel et al. 2017), on the data set's own small classifier."""

from typing import Any

import torch
from torch import Tensor

from steadygan.errors import bad_value
from steadygan.metrics.cache import Tensors, load_or_make
from steadygan.metrics.classifier import Classifier, classifier_for
from steadygan.metrics.fits import has_labelled_images, misfit
from steadygan.metrics.frechet import frechet_distance
from steadygan.metrics.shell import SampleMetric
from steadygan.paths import cache_dir

SPLITS = ("train", "test")


def gaussian(count: Tensor, total: Tensor, outer: Tensor) -> tuple[Tensor, Tensor]:
    """Mean ``[d]`` and unbiased covariance ``[d, d]`` from sums, in float64.

    Args:
        count: number of vectors.
        total: ``[d]``, their sum.
        outer: ``[d, d]``, the sum of their outer products.
    """
    mean = total / count
    return mean, (outer - count * torch.outer(mean, mean)) / (count - 1)


_references: dict[tuple[str, str], tuple[Tensor, Tensor]] = {}


def reference_statistics(dataset: Any, classifier: Classifier, split: str) -> tuple[Tensor, Tensor]:
    """Mean and covariance of the features of a split; once a process, and kept on disk beside the classifier."""

    def make() -> Tensors:
        features, _ = classifier(dataset.examples(split)[0])
        mean, cov = gaussian(torch.tensor(len(features)), features.sum(0), features.mT @ features)
        return {"mean": mean, "cov": cov}

    name = (classifier.key, split)
    if name not in _references:
        weights = classifier.passport["weights"]
        stored = load_or_make(cache_dir() / "references" / f"{classifier.key[:32]}-{weights}-{split}.pt", make)
        _references[name] = stored["mean"], stored["cov"]
    return _references[name]


class FID(SampleMetric):
    """``fid`` between samples and a split of the data, on the small classifier's 64 features.

    Args:
        dataset: labelled images.
        samples: generated images; the score depends on their number and falls as it grows.
        split: "train" or "test", the images to compare with.

    Raises:
        UserError: the data set has no labelled images, or a setting is none of its choices.
    """

    directions = {"fid": "min"}

    def __init__(self, dataset: Any, samples: int = 2000, split: str = "train") -> None:
        if not has_labelled_images(dataset):
            raise misfit("fid", dataset, "labelled images")
        if split not in SPLITS:
            raise bad_value("metrics.fid.split", split, "no such split", SPLITS)
        super().__init__("fid", samples)
        self.classifier = classifier_for(dataset)
        self.reference = reference_statistics(dataset, self.classifier, split)
        size = self.classifier.num_features
        self.add_state("total", torch.zeros(size, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("outer", torch.zeros(size, size, dtype=torch.float64), dist_reduce_fx="sum")
        self.passport |= self.classifier.passport | {"split": split, "split_size": len(dataset.examples(split)[0])}

    def take(self, x: Tensor) -> None:
        """Add the features of images ``[n, C, H, W]`` to the sums."""
        features = self.classifier(x)[0].to(self.total.device)
        self.total += features.sum(0)
        self.outer += features.mT @ features

    def score(self) -> dict[str, float]:
        """The distance."""
        mean, cov = gaussian(self.seen, self.total, self.outer)
        return {"fid": float(frechet_distance(mean.cpu(), cov.cpu(), *self.reference))}
