"""FID without the bias of few samples: extrapolated to infinitely many.

Reference: Chong and Forsyth (2020), arXiv:1911.07023.
"""

from collections.abc import Sequence
from typing import Unpack

import numpy as np
import torch
from torch import Tensor

from steadygan.common.errors import bad_value
from steadygan.core.draws import generator
from steadygan.data.base import ImageData
from steadygan.metrics.features.metric import FeatureMetric, NetworkSettings, singular
from steadygan.metrics.features.references import reference_statistics
from steadygan.metrics.frechet import Reference


def at_infinity(sizes: Sequence[int], values: Sequence[float]) -> float:
    """Return the intercept of the least-squares line of ``values`` over ``1 / sizes``."""
    return float(np.polynomial.Polynomial.fit(1 / np.asarray(sizes, dtype=float), np.asarray(values), 1)(0.0))


def fid_of(features: Tensor, reference: Reference) -> float:
    """Return the Frechet distance of ``[N, d]`` to the reference."""
    if len(features) <= features.shape[1]:
        return float(reference.distance_of_samples(features))
    return float(reference.distance(features.mean(0), features.mT.cov()))


class FIDInfinity(FeatureMetric):
    """``fid_infinity``: FIDs of growing random subsets of the samples, on a line over one over their size."""

    directions = {"fid_infinity": "min"}
    node = "fid_infinity"

    def __init__(
        self,
        dataset: ImageData,
        samples: int = 5000,
        least: int = 1000,
        points: int = 15,
        split: str = "train",
        reference_seed: int = 0,
        **network: Unpack[NetworkSettings],
    ) -> None:
        super().__init__(dataset, samples, split, **network)
        self.least, self.points = self.whole("least", least, 2), self.whole("points", points, 2)
        self.seed = self.whole("reference_seed", reference_seed, 0)
        if self.least >= self.samples:
            raise bad_value("metrics.fid_infinity.least", least, f"must be less than the {self.samples} samples")
        singular(self.node, self.least, self.network.num_features, "least")
        self.reference = reference_statistics(dataset, self.network, split)[1]
        self.provenance |= {"least": self.least, "points": self.points, "reference_seed": self.seed}

    def of_features(self, features: Tensor) -> dict[str, float]:
        """Return the intercept; nan of no more samples than the smallest subset."""
        if len(features) <= self.least:
            return self.unknown()
        source = generator(self.seed, "metric/fid_infinity")
        sizes = np.linspace(self.least, len(features), self.points).astype(int).tolist()
        chosen = (torch.randperm(len(features), generator=source)[:size] for size in sizes)
        return {"fid_infinity": at_infinity(sizes, [fid_of(features[rows], self.reference) for rows in chosen])}
