"""Spectral normalisation: layers that divide their weight by its largest singular value.

Reference: Miyato et al. (2018), arXiv:1802.05957.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def spectral_value(matrix: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """Return one power iteration: the estimate of the largest singular value, and the new ``u`` of length 1.

    The estimate is differentiable in ``matrix`` with both vectors held constant (eq. 11: the gradient is ``u v^T``).

    Args:
        matrix: ``[m, n]``.
        u: ``[m]``, the estimate of the first left singular vector so far, of any length but 0.

    Reference: Miyato et al. (2018), algorithm 1, arXiv:1802.05957.
    """
    v = F.normalize(matrix.detach().T @ u.detach(), dim=0)
    product = matrix @ v
    u = F.normalize(product.detach(), dim=0)
    return u @ product, u


class _Spectral(nn.Module):
    """Keeps ``u`` in a buffer: one power iteration a forward pass in training, assigned, never written in place.

    In evaluation ``u`` stays as it is, and the same iteration is made without keeping its result: repeated passes
    agree, and the length of an averaged ``u`` does not matter.
    """

    weight: Tensor
    u: Tensor

    def restart(self) -> None:
        """Take the first left singular vector of the weight as it is: call it after an initialisation."""
        matrix = self.weight.detach().flatten(1)
        self.register_buffer("u", torch.linalg.eigh(matrix @ matrix.T).eigenvectors[:, -1].clone())

    def normalised_weight(self) -> Tensor:
        """Return the weight over the largest singular value of the matrix with one row an output."""
        sigma, u = spectral_value(self.weight.flatten(1), self.u)
        if self.training:
            self.u = u
        return self.weight / sigma


class SpectralLinear(nn.Linear, _Spectral):
    """``nn.Linear`` whose matrix has spectral norm 1; bias and initialisation are ``nn.Linear``'s."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        self.restart()

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.normalised_weight(), self.bias)


class SpectralConv2d(nn.Conv2d, _Spectral):
    """``nn.Conv2d`` whose kernel, as a matrix ``[out, in * kh * kw]``, has spectral norm 1."""

    def __init__(self, m: int, n: int, kernel_size: int, stride: int = 1, padding: int = 0, bias: bool = True) -> None:
        super().__init__(m, n, kernel_size, stride, padding, bias=bias)
        self.restart()

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.normalised_weight(), self.bias)


def kinds(spectral_norm: bool) -> tuple[type[nn.Conv2d], type[nn.Linear]]:
    """Return the convolutions and linear layers of a discriminator with or without spectral normalisation."""
    return (SpectralConv2d, SpectralLinear) if spectral_norm else (nn.Conv2d, nn.Linear)
