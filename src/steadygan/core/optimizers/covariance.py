"""Forms of the covariance matrix of a gradient: the full matrix, each weight's variance, or their mean.

A form holds the covariance as a dict of tensors and applies functions of it to dicts of the player's shapes.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from steadygan.common.errors import bad_value
from steadygan.core.optimizers.eigen import spectrum
from steadygan.core.optimizers.langevin import mean_of
from steadygan.core.scalars import scalar
from steadygan.core.types import Tensors

LIMIT = 1500
"""The most parameters whose full covariance is kept: its eigenvectors are taken in every step (a second at 1,500)."""

Move = Callable[[Tensors], Tensors]


class Form(ABC):
    """One way to keep a covariance ``C`` of ``P`` weights."""

    @abstractmethod
    def zeros(self, params: Tensors) -> Tensors:
        """``C = 0``."""

    @abstractmethod
    def outer(self, vector: Tensors) -> Tensors:
        """``v v^T``."""

    @abstractmethod
    def grad_covariance(self, samples: Tensors, center: Tensors) -> Tensors:
        """Return the mean of ``(s - c)(s - c)^T`` over samples ``[B, ...]``."""

    @abstractmethod
    def mean_variance(self, covariance: Tensors) -> Tensor:
        """Return the mean of ``C``'s diagonal, 0-dim float64."""

    @abstractmethod
    def function(self, covariance: Tensors, of: Callable[[Tensor], Tensor]) -> Move:
        """``v -> f(C) v`` for a function ``of`` of the eigenvalues, which is applied element by element."""


class Diagonal(Form):
    """A variance for each weight, in its tensor's shape."""

    def zeros(self, params: Tensors) -> Tensors:
        return {name: torch.zeros_like(param) for name, param in params.items()}

    def outer(self, vector: Tensors) -> Tensors:
        return {name: value.square() for name, value in vector.items()}

    def grad_covariance(self, samples: Tensors, center: Tensors) -> Tensors:
        return {name: (value - center[name]).square().mean(0) for name, value in samples.items()}

    def mean_variance(self, covariance: Tensors) -> Tensor:
        return mean_of(covariance)

    def function(self, covariance: Tensors, of: Callable[[Tensor], Tensor]) -> Move:
        factors = {name: of(value) for name, value in covariance.items()}
        return lambda vector: {name: factors[name] * value for name, value in vector.items()}


class Scalar(Diagonal):
    """One variance for all weights: the mean, beside each tensor as a 0-dim one."""

    def zeros(self, params: Tensors) -> Tensors:
        return self._mean(super().zeros(params))

    def outer(self, vector: Tensors) -> Tensors:
        return self._mean(super().outer(vector))

    def grad_covariance(self, samples: Tensors, center: Tensors) -> Tensors:
        return self._mean(super().grad_covariance(samples, center))

    @staticmethod
    def _mean(squares: Tensors) -> Tensors:
        mean = mean_of(squares)
        return {name: mean.to(square.dtype) for name, square in squares.items()}


class Full(Form):
    """The matrix ``[P, P]`` over all weights of the player, flattened in the order of its dict, under ``matrix``."""

    def zeros(self, params: Tensors) -> Tensors:
        first = next(iter(params.values()))
        size = sum(param.numel() for param in params.values())
        return {"matrix": torch.zeros(size, size, dtype=first.dtype, device=first.device)}

    def outer(self, vector: Tensors) -> Tensors:
        flat = _flat(vector)
        return {"matrix": torch.outer(flat, flat)}

    def grad_covariance(self, samples: Tensors, center: Tensors) -> Tensors:
        away = torch.cat([(value - center[name]).reshape(len(value), -1) for name, value in samples.items()], 1)
        return {"matrix": away.mT @ away / len(away)}

    def mean_variance(self, covariance: Tensors) -> Tensor:
        return covariance["matrix"].diagonal().mean(dtype=torch.float64)

    def function(self, covariance: Tensors, of: Callable[[Tensor], Tensor]) -> Move:
        values, vectors = spectrum(covariance["matrix"])
        factors = of(values)
        return lambda vector: _unflat(vectors @ (factors * (vectors.mT @ _flat(vector))), vector)


def _flat(vector: Tensors) -> Tensor:
    return torch.cat([value.flatten() for value in vector.values()])


def _unflat(flat: Tensor, like: Tensors) -> Tensors:
    pieces = flat.split([value.numel() for value in like.values()])
    return {name: piece.view_as(value) for (name, value), piece in zip(like.items(), pieces)}


FORMS: dict[str, Form] = {"diagonal": Diagonal(), "full": Full(), "scalar": Scalar()}
"""The choices of ``covariance``."""


def check_size(form: str, params: Tensors) -> None:
    """Refuse a matrix that is too large.

    Raises:
        UserError: ``full``, and more than ``LIMIT`` parameters.
    """
    size = sum(param.numel() for param in params.values())
    if form == "full" and size > LIMIT:
        problem = f"the player has {size:,} parameters, and the full matrix is kept for at most {LIMIT:,}"
        raise bad_value("covariance", form, problem, set(FORMS) - {"full"})


def lerp(mean: Tensors, latest: Tensors, weight: Tensor) -> Tensors:
    """``mean + weight (latest - mean)``."""
    return {name: torch.lerp(value, latest[name], scalar(weight, value)) for name, value in mean.items()}
