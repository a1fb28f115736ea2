"""Functions of symmetric matrices."""

from typing import Any

import torch
from torch import Tensor


class _Eigh(torch.autograd.Function):
    """``torch.linalg.eigh`` whose slopes stay finite where eigenvalues coincide.

    There the eigenvectors turn freely; what is a function of the matrix does not depend on how, and their slopes
    within such a space are left out.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(matrix: Tensor) -> tuple[Tensor, Tensor]:
        values, vectors = torch.linalg.eigh(matrix)
        return values, vectors

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: tuple[Tensor, Tensor]) -> None:  # noqa: ANN401 torch says no type
        ctx.save_for_backward(*output)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:  # noqa: ANN401 torch says no type
        of_values, of_vectors = grad_outputs
        values, vectors = ctx.saved_tensors
        gap = values - values[:, None]
        apart = gap.abs() > resolution(values)
        inverse = torch.where(apart, 1 / torch.where(apart, gap, 1.0), 0.0)
        slope = vectors @ (inverse * (vectors.mT @ of_vectors) + torch.diag_embed(of_values)) @ vectors.mT
        return (slope + slope.mT) / 2


def resolution(values: Tensor) -> Tensor:
    """Return the size below which eigenvalues ``[P]`` count as 0, as in numpy's ``matrix_rank``."""
    return values.abs().amax() * len(values) * torch.finfo(values.dtype).eps


def spectrum(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues ``[P]`` and eigenvectors (columns, ``[P, P]``) of a covariance matrix.

    Values below the resolution of rounding are 0. Where the matrix is not finite all values are nan and nothing is
    raised: one diverged member must not stop the others.
    """
    finite = torch.isfinite(matrix).all()
    values, vectors = _Eigh.apply(torch.where(finite, matrix, 0.0))
    values = torch.where(values > resolution(values), values, 0.0)
    return torch.where(finite, values, torch.nan), vectors
