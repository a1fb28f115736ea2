"""Precision and coverage against the exact density of a mixture of Gaussians: no neighbours, no feature network."""

import torch
from scipy.stats import chi2
from torch import Tensor

from steadygan.core.declare import Range
from steadygan.core.draws import generator
from steadygan.data.base import Modes
from steadygan.metrics.base import KeepingMetric
from steadygan.metrics.fits import fitting, misfit
from steadygan.metrics.wasserstein import fingerprint

_DRAWS = 100_000
"""Of the data, for the level of density."""

_SHARE = Range("must be greater than 0 and less than 1", low=0.0, high=1.0, open_low=True, open_high=True)


def cells(x: Tensor, centers: Tensor, sigma: float, edges: Tensor) -> Tensor:
    """Return ``[K, S, Q]``: the mean over ``x [n, d]`` of how much of each lies in each cell.

    About each of the ``K`` centres there are ``S`` shells, cut into ``Q`` parts by the signs of the first two
    coordinates (of the only one, on a line); all have the same mass under their Gaussian. A sample belongs to the
    components by their posterior probabilities, so that of data the expected share of a cell is exactly its mass. A
    sample that is not finite is in no cell. ``edges [S]`` are the squared radii in sigmas at which shells end.
    """
    away = ((x[:, None] - centers) / sigma).nan_to_num(nan=torch.inf)
    square = away.square().sum(2)
    posterior = (-0.5 * square).softmax(1).nan_to_num(nan=0.0)
    shell = torch.bucketize(square, edges)
    signs = (away[..., :2] > 0).long()
    part = (signs * torch.tensor([1, 2][: signs.shape[2]])).sum(2)
    parts, shells = 2 ** signs.shape[2], len(edges)
    cell = (torch.arange(len(centers)) * (shells + 1) + shell) * parts + part
    mass = torch.zeros(len(centers) * (shells + 1) * parts, dtype=x.dtype)
    mass.scatter_add_(0, cell.flatten(), posterior.flatten())
    return mass.view(len(centers), shells + 1, parts)[:, :shells] / len(x)


class ExactDensity(KeepingMetric):
    """``exact_precision`` and ``exact_coverage``, for mixtures.

    Precision is the share of samples at which the data have at least the density that ``mass`` of the data have: for
    data it is ``mass``. Coverage is the overlap ``sum min(q, p) / sum p`` of the samples' histogram ``q`` with the
    data's exact one ``p`` over cells of equal mass (see ``cells``) that hold ``mass`` of the data: it falls with lost
    modes, with modes of wrong weights and with modes that shrink. Of ``n`` samples and ``m`` cells it misses about
    ``0.4 sqrt(m / n)`` by chance.
    """

    directions = {"exact_precision": "max", "exact_coverage": "max"}

    def __init__(
        self, dataset: Modes, samples: int = 10_000, mass: float = 0.99, shells: int = 2, reference_seed: int = 0
    ) -> None:
        if "exact_density" not in fitting(dataset):
            raise misfit("exact_density", dataset, "the centres and the density of a mixture")
        super().__init__("exact_density", samples)
        self.mass = self.within("mass", mass, _SHARE)
        shells = self.whole("shells", shells, 1)
        seed = self.whole("reference_seed", reference_seed, 0)
        self.log_density, self.sigma = dataset.log_density, float(dataset.sigma)
        self.centers = torch.as_tensor(dataset.centers).double()
        self.edges = torch.as_tensor(chi2.ppf([self.mass * end / shells for end in range(1, shells + 1)],
                                              self.centers.shape[1]))  # fmt: skip
        drawn, _ = dataset.sample(_DRAWS, generator(seed, "metric/exact_density"), torch.float64)
        self.level = float(self.log_density(drawn).quantile(1 - self.mass))
        self.keep()
        self.provenance |= {
            "mass": self.mass,
            "shells": shells,
            "level": self.level,
            "reference_seed": seed,
            "centers": fingerprint(self.centers),
            "sigma": self.sigma,
            "most": {"exact_precision": 1, "exact_coverage": 1},
        }

    def of_kept(self, kept: Tensor) -> dict[str, float]:
        """Return both."""
        x = kept.cpu()
        q = cells(x, self.centers, self.sigma, self.edges)
        p = self.mass / q.numel()
        inside = self.log_density(x) >= self.level
        return {
            "exact_precision": float(inside.double().mean()),
            "exact_coverage": float(q.clamp(max=p).sum() / self.mass),
        }
