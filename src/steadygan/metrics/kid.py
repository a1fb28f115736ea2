"""The kernel distance of features: the squared MMD with a cubic kernel, without bias.

Reference: Binkowski et al. (2018), arXiv:1801.01401.
"""

from typing import Unpack

import torch
from torch import Tensor

from steadygan.common.errors import bad_value
from steadygan.core.draws import generator
from steadygan.data.base import ImageData
from steadygan.metrics.features.metric import FeatureMetric, NetworkSettings

_ROWS = 1000


def cubic(x: Tensor, y: Tensor) -> Tensor:
    """Return ``(x . y / d + 1)^3``, ``[N, M]`` of ``[N, d]`` and ``[M, d]``."""
    kernel = torch.addmm(torch.ones((), dtype=x.dtype, device=x.device), x / x.shape[1], y.mT)
    return kernel.square().mul_(kernel)


def kernel_sums(x: Tensor, y: Tensor, chosen_x: Tensor, chosen_y: Tensor) -> Tensor:
    """Return ``[S]``: the sum of the kernel over all pairs of each subset.

    Of ``x [N, d]`` and ``y [M, d]`` each pair's kernel is taken once, in whatever many subsets it is. ``chosen_x
    [S, N]`` and ``chosen_y [S, M]`` are 1 for the members of a subset and 0 elsewhere.
    """
    parts = zip(x.split(_ROWS), chosen_x.split(_ROWS, 1))
    return torch.stack([((chosen @ cubic(rows, y)) * chosen_y).sum(1) for rows, chosen in parts]).sum(0)


def squared_mmd(x: Tensor, y: Tensor, chosen_x: Tensor, chosen_y: Tensor) -> Tensor:
    """Return ``[S]``: the estimate without bias of the squared MMD of each subset, see ``kernel_sums``; float64.

    Reference: Gretton et al. (2012), eq. 3.
    """
    n, m = chosen_x.sum(1), chosen_y.sum(1)
    within_x = kernel_sums(x, x, chosen_x, chosen_x) - chosen_x @ _self(x)
    within_y = kernel_sums(y, y, chosen_y, chosen_y) - chosen_y @ _self(y)
    between = kernel_sums(x, y, chosen_x, chosen_y)
    return within_x / (n * (n - 1)) + within_y / (m * (m - 1)) - 2 * between / (n * m)


def _self(x: Tensor) -> Tensor:
    return (x.square().sum(1) / x.shape[1] + 1) ** 3


def subsets(count: int, size: int, of: int, source: torch.Generator) -> Tensor:
    """Return ``[count, of]`` float64: ``size`` members each, without replacement, drawn by ``source``."""
    members = torch.stack([torch.randperm(of, generator=source)[:size] for _ in range(count)])
    return torch.zeros(count, of, dtype=torch.float64).scatter_(1, members, 1.0)


class KID(FeatureMetric):
    """``kid``, the mean over subsets, and ``kid_std``, their standard deviation.

    Where a subset holds all samples and all images of the data there is one only, and no ``kid_std``.
    """

    directions = {"kid": "min", "kid_std": "min"}
    node = "kid"

    def __init__(
        self,
        dataset: ImageData,
        samples: int = 2000,
        subsets: int = 100,
        subset_size: int = 1000,
        split: str = "train",
        reference_samples: int = 10_000,
        reference_seed: int = 0,
        **network: Unpack[NetworkSettings],
    ) -> None:
        super().__init__(dataset, samples, split, **network)
        self.subsets = self.whole("subsets", subsets, 1)
        self.size = self.whole("subset_size", subset_size, 2)
        self.seed = reference_seed
        self.real = self._reference(dataset, reference_samples, reference_seed)
        if self.subsets == 1:
            self.directions = {"kid": "min"}
        if self.size > min(len(self.real), self.samples):
            problem = f"more than the {len(self.real)} images of the data or the {self.samples} samples"
            raise bad_value("metrics.kid.subset_size", subset_size, problem)
        if self._whole(self.samples):
            self.subsets, self.directions = 1, {"kid": "min"}
        self.provenance |= {"subsets": self.subsets, "subset_size": self.size, "kernel": "(x y / d + 1)^3"}

    def of_features(self, features: Tensor) -> dict[str, float]:
        """Return mean and deviation; of fewer samples than a subset has, nan."""
        if len(features) < self.size:
            return self.unknown()
        source = generator(self.seed, "metric/kid")
        count = 1 if self._whole(len(features)) else self.subsets
        chosen = [subsets(count, self.size, len(side), source) for side in (features, self.real)]
        values = squared_mmd(features, self.real, *chosen)
        deviation = float(values.std(correction=0)) if count > 1 else float("nan")
        scores = {"kid": float(values.mean()), "kid_std": deviation}
        return {name: scores[name] for name in self.directions}

    def _whole(self, samples: int) -> bool:
        """Return whether a subset is all there is, on both sides."""
        return self.size == samples == len(self.real)
