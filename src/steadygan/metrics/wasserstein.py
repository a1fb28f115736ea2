"""The exact Wasserstein-1 distance between samples and a fixed sample of the data.

Reference: Villani (2009), definition 6.1, doi:10.1007/978-3-540-71050-9.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from steadygan.core.draws import generator
from steadygan.data.base import Distribution
from steadygan.metrics.base import KeepingMetric
from steadygan.metrics.fits import has_vectors, misfit
from steadygan.theory.distances import earth_mover


def wasserstein_distance(x: Tensor, y: Tensor) -> float:
    """Return ``earth_mover`` of ``[n, d]`` and ``[m, d]``, in float64; nan where a sample is not finite."""
    if not (x.isfinite().all() and y.isfinite().all()):
        return float("nan")
    a, b = (value.detach().double().cpu().numpy() for value in (x, y))
    return earth_mover(a, b)


def wasserstein_distances(x: Tensor, y: Tensor) -> list[float]:
    """Return ``wasserstein_distance`` of each of ``x [K, n, d]`` to ``y [m, d]``.

    On as many threads as torch has: the simplex frees the GIL.
    """
    threads = min(len(x), torch.get_num_threads())
    if threads < 2:
        return [wasserstein_distance(samples, y) for samples in x]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda samples: wasserstein_distance(samples, y), x))


def reference_sample(dataset: Distribution, count: int, seed: int) -> Tensor:
    """Return ``[count, d]`` float64: the same sample of the data in every run."""
    return dataset.sample(count, generator(seed, "metric/reference"), torch.float64)[0]


def fingerprint(x: Tensor) -> str:
    """Sixteen hexadecimal digits that change with any bit of ``x``."""
    return hashlib.sha256(x.detach().cpu().contiguous().numpy().tobytes()).hexdigest()[:16]


class Wasserstein(KeepingMetric):
    """``wasserstein``: W1 to a reference sample of the same size, for data sets of vectors."""

    directions = {"wasserstein": "min"}

    def __init__(self, dataset: Distribution, samples: int = 1000, reference_seed: int = 0) -> None:
        if not has_vectors(dataset):
            raise misfit("wasserstein", dataset, "vectors to sample")
        super().__init__("wasserstein", samples)
        seed = self.whole("reference_seed", reference_seed, 0)
        self.reference = reference_sample(dataset, self.samples, seed)
        self.keep()
        self.provenance |= {
            "cost": "euclidean",
            "reference": fingerprint(self.reference),
            "reference_samples": self.samples,
            "reference_seed": seed,
        }

    def of_kept(self, kept: Tensor) -> dict[str, float]:
        """Return the distance."""
        return self.compute_many(kept[None])[0]

    def compute_many(self, x: Tensor) -> list[dict[str, float]]:
        """Return the distance of each of several generators, from their samples ``[K, n, d]``."""
        return [{"wasserstein": distance} for distance in wasserstein_distances(x, self.reference)]
