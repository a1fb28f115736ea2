"""The Frechet distance of two Gaussians, which the FID is.

``|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))``. With ``C2 = F F'`` the product ``C1 C2`` has the eigenvalues of the
symmetric ``F' C1 F``, whose roots are all that is needed: of a triangular ``F`` and half of a symmetric matrix, at a
third of the arithmetic. Where ``C1`` comes from ``N <= d`` vectors, ``X' X`` with the centred and scaled ``X [N, d]``,
they are those of the ``[N, N]`` matrix ``X C2 X'``.

Reference: Heusel et al. (2017), eq. 6, arXiv:1706.08500; Dowson and Landau (1982), doi:10.1016/0047-259X(82)90077-X.
"""

from typing import NamedTuple

import torch
from numpy.typing import ArrayLike
from torch import Tensor

Values = Tensor | ArrayLike

_PANELS = 8
"""Parts into which triangular matrices are cut: the more, the less is computed in vain."""

_SMALL = 256
"""Matrices up to this size are not cut."""


def frechet_distance(mean1: Values, cov1: Values, mean2: Values, cov2: Values) -> Tensor:
    """Return the distance of two Gaussians, a float64 scalar.

    One Cholesky factor and one ``eigvalsh``; where neither matrix has full rank ``eigh`` takes the place of the
    factor. Rounding cannot make the result negative; statistics that are not finite give nan. Means ``[d]``,
    covariances ``[d, d]`` symmetric and positive semi-definite; tensors or arrays of any float type.
    """
    mu1, c1, mu2, c2 = (torch.as_tensor(value).to(torch.float64) for value in (mean1, cov1, mean2, cov2))
    if not _finite(mu1, c1, mu2, c2):
        return mu1.new_full((), torch.nan)
    root, other = _cholesky(c2), c1
    if root is None and (root := _cholesky(c1)) is not None:
        other = c2
    return _distance(mu1 - mu2, c1.trace() + c2.trace(), _congruent(_low_rank(c2) if root is None else root, other))


class Reference(NamedTuple):
    """A Gaussian that distances are taken to many times; float64.

    Attributes:
        root: ``F [d, r]`` with ``F F'`` the covariance: Cholesky's lower triangular factor, or eigenvectors times the
            roots of the eigenvalues where the rank ``r`` is below ``d``.
    """

    mean: Tensor
    root: Tensor
    trace: Tensor

    @classmethod
    def of(cls, mean: Values, cov: Values) -> "Reference":
        """Return that of mean and covariance ``[d, d]``, which are finite."""
        centre, matrix = (torch.as_tensor(value).to(torch.float64) for value in (mean, cov))
        root = _cholesky(matrix)
        return cls(centre, _low_rank(matrix) if root is None else root, matrix.trace())

    @classmethod
    def of_samples(cls, x: Tensor) -> "Reference":
        """Return that of vectors ``[N, d]`` (unbiased covariance), float64; ``N < d`` are the root themselves."""
        if len(x) >= x.shape[1]:
            return cls.of(x.mean(0), x.mT.cov())
        mean = x.mean(0)
        root = (x - mean).mT / (len(x) - 1) ** 0.5
        return cls(mean, root, root.square().sum())

    def distance(self, mean: Tensor, cov: Tensor) -> Tensor:
        """Return ``frechet_distance`` to a Gaussian ``[d]``, ``[d, d]``, float64."""
        if not _finite(mean, cov):
            return mean.new_full((), torch.nan)
        return _distance(mean - self.mean, cov.trace() + self.trace, _congruent(self.root, cov))

    def distance_of_samples(self, x: Tensor) -> Tensor:
        """Return ``frechet_distance`` to vectors ``[N, d]`` (unbiased covariance), float64.

        Meant for ``N <= d``: the matrix whose eigenvalues are taken is ``[N, N]``.
        """
        mean = x.mean(0)
        if not _finite(mean):
            return x.new_full((), torch.nan)
        centred, degrees = x - mean, len(x) - 1
        trace = centred.flatten().dot(centred.flatten()) / degrees
        return _distance(mean - self.mean, trace + self.trace, _gram(_times(centred, self.root)), degrees)


def _distance(between: Tensor, traces: Tensor, product: Tensor, scale: int = 1) -> Tensor:
    """Return the distance, from the difference of means, both traces, and the lower triangle of ``scale F' C F``."""
    cross = (torch.linalg.eigvalsh(product).clamp(min=0) / scale).sqrt().sum().to(between.device)
    return (between.square().sum() + traces - 2 * cross).clamp(min=0)


def _finite(*values: Tensor) -> bool:
    """Return whether all numbers are: else their sum is none, which takes a tenth of the time to tell."""
    return all(bool(value.sum().isfinite()) for value in values)


def _cholesky(cov: Tensor) -> Tensor | None:
    """Return the lower factor; None where the matrix is not of full rank to the precision of its numbers."""
    root, failed = torch.linalg.cholesky_ex(cov)
    pivots = root.diagonal().square()
    full_rank = not bool(failed) and bool(pivots.min() > len(cov) * torch.finfo(cov.dtype).eps * pivots.max())
    return root if full_rank else None


def _low_rank(cov: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(cov)
    kept = values > len(cov) * torch.finfo(cov.dtype).eps * values[-1]
    kept[0] = False  # there was no Cholesky factor; and a root that is square counts as triangular
    return vectors[:, kept] * values[kept].sqrt()


def _lower(root: Tensor) -> bool:
    """Return whether it pays to make use of the zeros above the diagonal."""
    return len(root) > _SMALL and root.shape[0] == root.shape[1]


def _parts(size: int) -> list[tuple[int, int]]:
    width = -(-size // _PANELS)
    return [(start, min(start + width, size)) for start in range(0, size, width)]


def _congruent(root: Tensor, cov: Tensor) -> Tensor:
    """Return the lower triangle of ``F' C F``; what is above it has no meaning."""
    if not _lower(root):
        return root.mT @ cov @ root
    product = torch.zeros_like(cov)
    for start, end in _parts(len(root)):
        # the columns of the factor are zero above `start`, and only what is below it in the product is asked for
        column = cov[start:, start:] @ root[start:, start:end]
        product[start:, start:end] = root[start:, start:].mT @ column
    return product


def _times(x: Tensor, root: Tensor) -> Tensor:
    """Return ``X F``."""
    if not _lower(root):
        return x @ root
    seen = torch.empty_like(x)
    for start, end in _parts(len(root)):
        torch.mm(x[:, start:], root[start:, start:end], out=seen[:, start:end])
    return seen


def _gram(x: Tensor) -> Tensor:
    """Return the lower triangle of ``X X'``; what is above it has no meaning."""
    if len(x) <= _SMALL:
        return x @ x.mT
    product = x.new_zeros(len(x), len(x))
    for start, end in _parts(len(x)):
        torch.mm(x[start:], x[start:end].mT, out=product[start:, start:end])
    return product
