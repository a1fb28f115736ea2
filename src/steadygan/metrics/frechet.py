"""The Frechet distance of two Gaussians, which the FID is (Heusel et al. 2017, eq. 6; Dowson & Landau 1982)."""

from typing import Any

import torch
from torch import Tensor


def frechet_distance(mean1: Any, cov1: Any, mean2: Any, cov2: Any) -> Tensor:
    """``|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))``, a float64 scalar.

    The trace of the root is taken through the symmetric ``C1^(1/2) C2 C1^(1/2)``, which has the eigenvalues of
    ``C1 C2``: one ``eigh`` and one ``eigvalsh``, also for matrices without full rank. Rounding cannot make the
    result negative; statistics that are not finite give nan.

    Args:
        mean1, mean2: ``[d]``.
        cov1, cov2: ``[d, d]``, symmetric and positive semi-definite. Tensors or arrays of any float type.
    """
    mean1, cov1, mean2, cov2 = (torch.as_tensor(value).to(torch.float64) for value in (mean1, cov1, mean2, cov2))
    if not all(value.isfinite().all() for value in (mean1, cov1, mean2, cov2)):
        return mean1.new_full((), torch.nan)
    root = _symmetric_root(cov1)
    product = root @ cov2 @ root
    # the two triangles differ by rounding; eigvalsh reads one of them
    eigenvalues = torch.linalg.eigvalsh((product + product.mT) / 2)
    cross = eigenvalues.clamp(min=0).sqrt().sum()
    return ((mean1 - mean2).square().sum() + cov1.trace() + cov2.trace() - 2 * cross).clamp(min=0)


def _symmetric_root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.mT
