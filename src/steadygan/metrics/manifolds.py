"""Fidelity and diversity by nearest neighbours in the space of features.

Precision and recall: Kynkaanniemi et al. 2019, eqs. 1 and 2. Density and coverage: Naeem et al. 2020, eqs. 3 and 4.
"""

from typing import Any

import torch
from torch import Tensor

from steadygan.errors import bad_value
from steadygan.metrics.features import FeatureMetric
from steadygan.metrics.shell import whole

_ROWS = 1000


def radii(x: Tensor, k: int) -> Tensor:
    """``[N]``: how far the ``k``-th nearest other one of ``x [N, d]`` is."""
    return torch.cat([_distances(rows, x).kthvalue(k + 1, dim=1).values for rows in x.split(_ROWS)])


def balls(x: Tensor, centers: Tensor, radius: Tensor) -> tuple[Tensor, Tensor]:
    """In how many balls each ``x [M, d]`` lies, ``[M]``, and how many each ball ``[N]`` holds; the rim is inside."""
    counts, held = [], torch.zeros(len(centers), dtype=torch.int64)
    for rows in x.split(_ROWS):
        inside = _distances(rows, centers) <= radius
        counts.append(inside.sum(1))
        held += inside.sum(0)
    return torch.cat(counts), held


def _distances(x: Tensor, y: Tensor) -> Tensor:
    # without the matrix product, which finds a vector at some distance from itself
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")


def precision_recall(real: Tensor, fake: Tensor, k: int) -> tuple[float, float]:
    """The share of ``fake [M, d]`` within the manifold of ``real [N, d]``, and the other way round.

    A manifold is the union of balls about its samples that reach to the ``k``-th nearest other one.
    """
    shares = [balls(x, of, radii(of, k))[0].bool().double().mean() for x, of in ((fake, real), (real, fake))]
    return float(shares[0]), float(shares[1])


def density_coverage(real: Tensor, fake: Tensor, k: int) -> tuple[float, float]:
    """In how many of the balls of ``real [N, d]`` a ``fake [M, d]`` lies, over ``k``; the share of balls with any."""
    counts, held = balls(fake, real, radii(real, k))
    return float(counts.double().mean() / k), float(held.bool().double().mean())


class Neighbours(FeatureMetric):
    """What both metrics have in common.

    Args:
        name: of the metric's node.
        k: which nearest neighbour a ball reaches to.
        reference_samples: of the split, at most.
        reference_seed: of their choice.
        dataset, samples, split, features, weights, resize: see ``FeatureMetric``.

    Raises:
        UserError: the data do not fit, or a setting is none of its choices.
    """

    def __init__(
        self,
        name: str,
        dataset: Any,
        samples: int,
        k: int,
        split: str,
        reference_samples: int,
        reference_seed: int,
        features: Any,
        weights: str | None,
        resize: str,
    ) -> None:
        super().__init__(name, dataset, samples, split, features, weights, resize)
        self.k = whole(f"metrics.{name}.k", k, 1)
        self.real = self._reference(dataset, reference_samples, reference_seed)
        if self.k >= min(len(self.real), self.samples):
            raise bad_value(f"metrics.{name}.k", k, "must be less than the images of the data and the samples")
        self.passport |= {"k": self.k}


class PrecisionRecall(Neighbours):
    """``precision`` and ``recall``; the arguments are those of ``Neighbours``."""

    directions = {"precision": "max", "recall": "max"}

    def __init__(
        self,
        dataset: Any,
        samples: int = 2000,
        k: int = 3,
        split: str = "train",
        reference_samples: int = 10_000,
        reference_seed: int = 0,
        features: Any = "classifier",
        weights: str | None = None,
        resize: str = "torch-fidelity",
    ) -> None:
        given = (samples, k, split, reference_samples, reference_seed, features, weights, resize)
        super().__init__("precision_recall", dataset, *given)

    def of_features(self, features: Tensor) -> dict[str, float]:
        """Both; nan of no more samples than ``k``."""
        if len(features) <= self.k:
            return dict.fromkeys(self.directions, float("nan"))
        return dict(zip(self.directions, precision_recall(self.real, features, self.k)))


class DensityCoverage(Neighbours):
    """``density`` and ``coverage``; the arguments are those of ``Neighbours``."""

    directions = {"density": "max", "coverage": "max"}

    def __init__(
        self,
        dataset: Any,
        samples: int = 2000,
        k: int = 5,
        split: str = "train",
        reference_samples: int = 10_000,
        reference_seed: int = 0,
        features: Any = "classifier",
        weights: str | None = None,
        resize: str = "torch-fidelity",
    ) -> None:
        given = (samples, k, split, reference_samples, reference_seed, features, weights, resize)
        super().__init__("density_coverage", dataset, *given)

    def of_features(self, features: Tensor) -> dict[str, float]:
        """Both."""
        return dict(zip(self.directions, density_coverage(self.real, features, self.k)))
