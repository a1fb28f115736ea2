"""How well samples cover the modes of a mixture of Gaussians.

The protocol of Srivastava et al. 2017 (VEEGAN, section 4.1: 2,500 samples, high quality within three standard
deviations), with a mode covered by a quarter of its fair share rather than by a single sample.

Reference: Srivastava et al. (2017), section 4.1, arXiv:1705.07761.
"""

import math

import torch
from torch import Tensor

from steadygan.core.declare import fraction, positive
from steadygan.data import base
from steadygan.metrics.base import KeepingMetric
from steadygan.metrics.fits import has_modes, misfit
from steadygan.metrics.wasserstein import fingerprint, reference_sample, wasserstein_distances


def high_quality_counts(x: Tensor, centers: Tensor, distance: float) -> Tensor:
    """Return ``[..., K]``: the samples of each mode within ``distance`` of its centre, each counted at its nearest one.

    ``x [..., n, d]`` are of one generator or of several; one that is not finite is of no mode.
    """
    mode, nearest = nearest_mode(x, centers)
    counts = torch.zeros(*x.shape[:-2], len(centers), dtype=torch.int64, device=x.device)
    return counts.scatter_add_(-1, mode, (nearest <= distance).long())


def nearest_mode(x: Tensor, centers: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mode ``[..., n]`` nearest to each sample ``[..., n, d]``, and how far it is: inf if not finite."""
    # without the matrix product, which loses half the digits
    distances = torch.cdist(x.double(), centers.double().to(x.device), compute_mode="donot_use_mm_for_euclid_dist")
    nearest, mode = distances.nan_to_num(nan=math.inf).min(-1)
    return mode, nearest


def mode_scores(counts: Tensor, samples: int, share: float) -> dict[str, float]:
    """Return ``modes``, ``high_quality`` and ``kl`` from the high-quality samples of each mode.

    ``modes`` counts those with at least ``share`` of their fair share ``samples / K``; ``kl`` is that of the
    histogram from the uniform one, in nats, and its largest value ``log K`` where the histogram is empty. ``samples``
    are all, those of low quality too.
    """
    modes, total = len(counts), int(counts.sum())
    covered = int((counts >= share * samples / modes).sum())
    p = counts.double() / max(total, 1)
    kl = float(torch.special.xlogy(p, p * modes).sum()) if total else math.log(modes)
    return {"modes": float(covered), "high_quality": total / samples, "kl": kl}


class Modes(KeepingMetric):
    """``modes``, ``high_quality``, ``kl`` and ``wasserstein``, for mixtures.

    The first ``wasserstein_samples`` of the samples, and as many of the data, enter the Wasserstein distance.
    """

    directions = {"modes": "max", "high_quality": "max", "kl": "min", "wasserstein": "min"}

    def __init__(
        self,
        dataset: base.Modes,
        samples: int = 2500,
        radius: float = 3.0,
        share: float = 0.25,
        wasserstein_samples: int = 1000,
        reference_seed: int = 0,
    ) -> None:
        if not has_modes(dataset):
            raise misfit("modes", dataset, "the centres of a mixture")
        super().__init__("modes", samples)
        self.centers, self.sigma = torch.as_tensor(dataset.centers).double(), float(dataset.sigma)
        self.radius = self.within("radius", radius, positive)
        self.share = self.within("share", share, fraction)
        count = min(self.whole("wasserstein_samples", wasserstein_samples, 2), self.samples)
        seed = self.whole("reference_seed", reference_seed, 0)
        self.reference = reference_sample(dataset, count, seed)
        self.keep()
        self.provenance |= {
            "radius": self.radius,
            "share": self.share,
            "centers": fingerprint(self.centers),
            "most": {"modes": len(self.centers), "high_quality": 1},
            "sigma": self.sigma,
            "wasserstein_samples": count,
            "reference": fingerprint(self.reference),
            "reference_seed": seed,
        }

    def of_kept(self, kept: Tensor) -> dict[str, float]:
        """Return the four scores."""
        return self.compute_many(kept[None])[0]

    def compute_many(self, x: Tensor) -> list[dict[str, float]]:
        """Return the four scores of each of several generators, from their samples ``[K, n, d]``."""
        counts = high_quality_counts(x, self.centers, self.radius * self.sigma).cpu()
        distances = wasserstein_distances(x[:, : len(self.reference)], self.reference)
        return [
            mode_scores(mode_counts, x.shape[1], self.share) | {"wasserstein": distance}
            for mode_counts, distance in zip(counts, distances)
        ]
