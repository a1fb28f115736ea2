"""The exact Wasserstein-1 distance between samples and a fixed sample of the data."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from steadygan.core.draws import generator
from steadygan.metrics.fits import has_vectors, misfit
from steadygan.metrics.shell import SampleMetric, whole_number


def wasserstein_distance(x: Tensor, y: Tensor) -> float:
    """W1 of the two empirical measures, Euclidean cost; solved exactly, in float64.

    In one dimension by the quantile functions, else as a linear program by the network simplex.
    The value of two samples of the same distribution is not 0: it falls with their size. nan where a sample is not
    finite.

    Args:
        x: ``[n, d]``.
        y: ``[m, d]``.

    Reference: Villani (2009), definition 6.1, doi:10.1007/978-3-540-71050-9; Bonneel et al. (2011),
    doi:10.1145/2070781.2024192.
    """
    if not (x.isfinite().all() and y.isfinite().all()):
        return float("nan")
    # both libraries take a second to import, which not every run needs
    from scipy.spatial.distance import cdist

    a, b = (value.detach().double().cpu().numpy() for value in (x, y))
    if a.shape[1] == 1:
        from scipy.stats import wasserstein_distance as by_quantiles

        return float(by_quantiles(a[:, 0], b[:, 0]))
    import ot

    # empty weights are uniform ones; the limit is far above what the simplex needs, so the plan is optimal
    return float(ot.emd2([], [], cdist(a, b), numItermax=10_000_000))


def wasserstein_distances(x: Tensor, y: Tensor) -> list[float]:
    """Return ``wasserstein_distance`` of each ``x[k]`` to ``y``, on as many threads as torch has (the simplex frees the
    GIL).

    Args:
        x: ``[K, n, d]``.
        y: ``[m, d]``.
    """
    threads = min(len(x), torch.get_num_threads())
    if threads < 2:
        return [wasserstein_distance(samples, y) for samples in x]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda samples: wasserstein_distance(samples, y), x))


def reference_sample(dataset: Any, count: int, seed: int) -> Tensor:
    """Return ``[count, d]`` float64: the same sample of the data in every run."""
    return dataset.sample(count, generator(seed, "metric/reference"), torch.float64)[0]


def fingerprint(x: Tensor) -> str:
    """Sixteen hexadecimal digits that change with any bit of ``x``."""
    return hashlib.sha256(x.detach().cpu().contiguous().numpy().tobytes()).hexdigest()[:16]


class Wasserstein(SampleMetric):
    """``wasserstein``: W1 to a reference sample of the same size, for data sets of vectors.

    Args:
        dataset: what the samples should look like.
        samples: generated samples, and as many of the data. 1,000 in the plane take 0.1 s, 2,500 take 0.8 s.
        reference_seed: the seed of the reference sample.

    Raises:
        UserError: the data set has no vectors, or ``samples`` is no whole number above 1.
    """

    directions = {"wasserstein": "min"}

    def __init__(self, dataset: Any, samples: int = 1000, reference_seed: int = 0) -> None:
        if not has_vectors(dataset):
            raise misfit("wasserstein", dataset, "vectors to sample")
        super().__init__("wasserstein", samples)
        seed = whole_number("metrics.wasserstein.reference_seed", reference_seed, 0)
        self.reference = reference_sample(dataset, self.samples, seed)
        self.add_state("kept", [], dist_reduce_fx="cat")
        self.provenance |= {
            "cost": "euclidean",
            "reference": fingerprint(self.reference),
            "reference_samples": self.samples,
            "reference_seed": seed,
        }

    def take(self, x: Tensor) -> None:
        """Keep the batch."""
        self.kept.append(x.double())

    def score(self) -> dict[str, float]:
        """Return the distance."""
        return self.compute_many(dim_zero_cat(self.kept)[None])[0]

    def compute_many(self, x: Tensor) -> list[dict[str, float]]:
        """Return the distance of each of several generators, from their samples ``[K, n, d]``."""
        return [{"wasserstein": distance} for distance in wasserstein_distances(x, self.reference)]
