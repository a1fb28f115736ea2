"""Fidelity and diversity by nearest neighbours in the space of features.

Reference: Kynkaanniemi et al. (2019), eqs. 1 and 2, arXiv:1904.06991; Naeem et al. (2020), eqs. 3 and 4,
arXiv:2002.09797.
"""

from functools import cached_property
from typing import Unpack

import torch
from torch import Tensor

from steadygan.common.errors import bad_value
from steadygan.data.base import ImageData
from steadygan.metrics.features.metric import FeatureMetric, NetworkSettings

_ROWS = 1000
_SPARE = 8
"""Neighbours looked at beyond the k-th, among which the order by rounded distances may be wrong."""

_PAIRS = 100_000
_ROUNDING = 1e-12
"""Share of a squared length by which a matrix product may miss a squared distance; far above what it does."""


def squared_radii(x: Tensor, k: int) -> Tensor:
    """Return ``[N]``: the square of how far the ``k``-th nearest other one of ``x [N, d]`` float64 is."""
    most = min(k + 1 + _SPARE, len(x))
    radii = []
    for rows in x.split(_ROWS):
        near = _rounded(rows, x).topk(most, largest=False).indices
        radii.append(_squares(rows[:, None], x[near]).kthvalue(k + 1, dim=1).values)
    return torch.cat(radii)


def balls(x: Tensor, centers: Tensor, squared_radius: Tensor) -> tuple[Tensor, Tensor]:
    """Return in how many balls each ``x [M, d]`` lies, and how many each ball ``[N]`` holds; the rim is inside."""
    counts, contents = [], torch.zeros(len(centers), dtype=torch.int64)
    for rows in x.split(_ROWS):
        inside = _inside(rows, centers, squared_radius)
        counts.append(inside.sum(1))
        contents += inside.sum(0)
    return torch.cat(counts), contents


def _inside(x: Tensor, centers: Tensor, squared_radius: Tensor) -> Tensor:
    """Return ``[M, N]``: by rounded distances, and by exact ones where these do not tell."""
    over = _rounded(x, centers).sub_(squared_radius)
    inside = over <= 0
    slack = _ROUNDING * (x.square().sum(1).amax() + centers.square().sum(1).amax())
    for pairs in (over.abs_() <= slack).nonzero().split(_PAIRS):
        row, ball = pairs.unbind(1)
        inside[row, ball] = _squares(x[row], centers[ball]) <= squared_radius[ball]
    return inside


def _rounded(x: Tensor, y: Tensor) -> Tensor:
    """Return squared distances ``[M, N]`` by a matrix product: quick, but a vector is at some distance from itself."""
    return torch.addmm(x.square().sum(1)[:, None] + y.square().sum(1), x, y.mT, alpha=-2)


def _squares(x: Tensor, y: Tensor) -> Tensor:
    """Return squared distances of pairs of vectors along the last dimension."""
    return (x - y).square().sum(-1)


def precision_recall(real: Tensor, fake: Tensor, k: int, real_radii: Tensor | None = None) -> tuple[float, float]:
    """Return the share of ``fake [M, d]`` within the manifold of ``real [N, d]``, and the other way round.

    A manifold is the union of balls about its samples that reach to the ``k``-th nearest other one. Float64;
    ``real_radii`` are ``squared_radii`` of ``real``, where they are known.
    """
    radii = squared_radii(real, k) if real_radii is None else real_radii
    pairs = ((fake, real, radii), (real, fake, squared_radii(fake, k)))
    precision, recall = (float(balls(*pair)[0].bool().double().mean()) for pair in pairs)
    return precision, recall


def density_coverage(real: Tensor, fake: Tensor, k: int, real_radii: Tensor | None = None) -> tuple[float, float]:
    """Return how many balls of ``real [N, d]`` a ``fake [M, d]`` lies in, over ``k``; the share of balls with any."""
    counts, contents = balls(fake, real, squared_radii(real, k) if real_radii is None else real_radii)
    return float(counts.double().mean() / k), float(contents.bool().double().mean())


class Neighbours(FeatureMetric):
    """Base class of both metrics by nearest neighbours."""

    k: int

    def __init__(
        self,
        dataset: ImageData,
        samples: int = 2000,
        k: int | None = None,
        split: str = "train",
        reference_samples: int = 10_000,
        reference_seed: int = 0,
        **network: Unpack[NetworkSettings],
    ) -> None:
        super().__init__(dataset, samples, split, **network)
        self.k = self.whole("k", self.k if k is None else k, 1)
        self.real = self._reference(dataset, reference_samples, reference_seed)
        if self.k >= min(len(self.real), self.samples):
            problem = "must be less than the images of the data and the samples"
            raise bad_value(f"metrics.{self.node}.k", self.k, problem)
        self.provenance |= {"k": self.k}

    @cached_property
    def real_radii(self) -> Tensor:
        """Radii of the balls around the data."""
        return squared_radii(self.real, self.k)


class PrecisionRecall(Neighbours):
    """``precision`` and ``recall``; the arguments are those of ``Neighbours``."""

    directions = {"precision": "max", "recall": "max"}
    node, k = "precision_recall", 3

    def of_features(self, features: Tensor) -> dict[str, float]:
        """Return both; nan of no more samples than ``k``."""
        if len(features) <= self.k:
            return self.unknown()
        return dict(zip(self.directions, precision_recall(self.real, features, self.k, self.real_radii)))


class DensityCoverage(Neighbours):
    """``density`` and ``coverage``; the arguments are those of ``Neighbours``."""

    directions = {"density": "max", "coverage": "max"}
    node, k = "density_coverage", 5

    def of_features(self, features: Tensor) -> dict[str, float]:
        """Return both."""
        return dict(zip(self.directions, density_coverage(self.real, features, self.k, self.real_radii)))
