"""The Frechet distance of two Gaussians, which the FID is.

``|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))``. With ``C2 = F F'`` the product ``C1 C2`` has the eigenvalues of the
symmetric ``F' C1 F``, whose roots are all that is needed: of a triangular ``F`` and half of a symmetric matrix, at a
third of the arithmetic. Where ``C1`` comes from ``N <= d`` vectors, ``X' X`` with the centred and scaled ``X [N, d]``,
they are those of the ``[N, N]`` matrix ``X C2 X'``.

Reference: Heusel et al. (2017), eq. 6, arXiv:1706.08500; Dowson and Landau (1982), doi:10.1016/0047-259X(82)90077-X.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

_PANELS = 8
"""Parts into which triangular matrices are cut: the more, the less is computed in vain."""

_SMALL = 256
"""Matrices up to this size are not cut."""

_SLOW, _QUICK = 950, 1104
"""Symmetric matrices of this many rows up to that many take MKL longer than one of the latter: it reduces those in two
stages, by products of matrices."""


def frechet_distance(mean1: Any, cov1: Any, mean2: Any, cov2: Any) -> Tensor:
    """Return the distance of two Gaussians, a float64 scalar.

    One Cholesky factor and one ``eigvalsh``; where neither matrix has full rank ``eigh`` takes the place of the
    factor. Rounding cannot make the result negative; statistics that are not finite give nan.

    Args:
        mean1, mean2: ``[d]``.
        cov1, cov2: ``[d, d]``, symmetric and positive semi-definite. Tensors or arrays of any float type.
    """
    mean1, cov1, mean2, cov2 = (torch.as_tensor(value).to(torch.float64) for value in (mean1, cov1, mean2, cov2))
    if not _finite(mean1, cov1, mean2, cov2):
        return mean1.new_full((), torch.nan)
    root = _cholesky(cov2)
    if root is None:
        root = _cholesky(cov1)
        if root is not None:
            return _distance(mean1 - mean2, cov1.trace() + cov2.trace(), _congruent(root, cov2))
        root = _low_rank(cov2)
    return _distance(mean1 - mean2, cov1.trace() + cov2.trace(), _congruent(root, cov1))


class Reference(NamedTuple):
    """A Gaussian that distances are taken to many times; float64.

    Attributes:
        mean: ``[d]``.
        root: ``F [d, r]`` with ``F F'`` the covariance: Cholesky's lower triangular factor, or eigenvectors times the
            roots of the eigenvalues where the rank ``r`` is below ``d``.
        trace: of the covariance.
    """

    mean: Tensor
    root: Tensor
    trace: Tensor

    @classmethod
    def of(cls, mean: Any, cov: Any) -> "Reference":
        """From mean and covariance ``[d, d]``, which are finite."""
        mean, cov = (torch.as_tensor(value).to(torch.float64) for value in (mean, cov))
        root = _cholesky(cov)
        return cls(mean, _low_rank(cov) if root is None else root, cov.trace())

    @classmethod
    def of_samples(cls, x: Tensor) -> "Reference":
        """From vectors ``[N, d]`` (unbiased covariance), float64; of ``N < d`` they are the root themselves."""
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
        """Return ``frechet_distance`` to vectors ``[N, d]`` (unbiased covariance), float64; meant for ``N <= d``: the
        matrix whose eigenvalues are taken is ``[N, N]``."""
        mean = x.mean(0)
        if not _finite(mean):
            return x.new_full((), torch.nan)
        centred, degrees = x - mean, len(x) - 1
        trace = centred.flatten().dot(centred.flatten()) / degrees
        return _distance(mean - self.mean, trace + self.trace, _gram(_seen(centred, self.root)), degrees)


def _distance(between: Tensor, traces: Tensor, product: Tensor, scale: int = 1) -> Tensor:
    """From the difference of means, the sum of both traces, and the lower triangle of ``scale F' C F``."""
    cross = (torch.linalg.eigvalsh(product).clamp(min=0) / scale).sqrt().sum().to(between.device)
    return (between.square().sum() + traces - 2 * cross).clamp(min=0)


def _room(like: Tensor, size: int) -> Tensor:
    """Zeros for a symmetric matrix of ``size`` rows, with a border of zeros where that makes eigenvalues quicker."""
    slow = like.device.type == "cpu" and torch.backends.mkl.is_available() and _SLOW <= size < _QUICK
    return like.new_zeros(2 * [_QUICK if slow else size])


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
    product, size = _room(cov, len(root)), len(root)
    for start, end in _parts(len(root)):
        # the columns of the factor are zero above `start`, and only what is below it in the product is asked for
        column = cov[start:, start:] @ root[start:, start:end]
        product[start:size, start:end] = root[start:, start:].mT @ column
    return product


def _seen(x: Tensor, root: Tensor) -> Tensor:
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
    product = _room(x, len(x))
    for start, end in _parts(len(x)):
        torch.mm(x[start:], x[start:end].mT, out=product[start : len(x), start:end])
    return product
