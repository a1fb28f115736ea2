"""Jacobians at the equilibrium by automatic differentiation of the trainer's own step."""

import numpy as np
import torch

from steadygan.analysis.studies.dirac.systems import DTYPE, System

CUSP = 1e-3
"""A field that is longer than this as the equilibrium is approached has none there."""


def field_eigenvalues(system: System) -> np.ndarray:
    """Return the eigenvalues of the vector field's Jacobian at 0, ``[2]``."""
    return _eigenvalues(torch.func.jacrev(system.flow)(torch.zeros(2, dtype=DTYPE)))


def map_eigenvalues(system: System, h: float) -> np.ndarray:
    """Return the eigenvalues of one iteration's Jacobian at 0, ``[size]``, the game's state included."""
    return _eigenvalues(torch.func.jacrev(lambda x: system.map(x, h))(torch.zeros(system.size(), dtype=DTYPE)))


def radius(system: System, h: float) -> float:
    """Return the largest modulus of ``map_eigenvalues``."""
    return float(np.abs(map_eigenvalues(system, h)).max())


def critical_step(system: System, low: float = 1e-2, high: float = 1e2, tolerance: float = 1e-7) -> float:
    """Return the largest step up to which the largest modulus is 1, by bisection; at ``high`` it exceeds 1."""
    while high - low > tolerance * high:
        middle = (low + high) / 2
        low, high = (middle, high) if radius(system, middle) <= 1 + tolerance else (low, middle)
    return low


def remainder(system: System) -> float:
    """Return the length of the field as ``psi`` goes to 0 from either side: 0 where (0, 0) is an equilibrium."""
    sides = torch.tensor([[0.0, 1e-6], [0.0, -1e-6]], dtype=DTYPE)
    return max(float(system.flow(side).norm()) for side in sides)


def smooth(system: System) -> bool:
    """Return whether the derivative at the equilibrium says what the field does on both sides of ``psi = 0``.

    Norms have no second derivative at 0, and what autodiff gives for it there is not to be trusted.
    """
    if remainder(system) > CUSP:
        return False
    slope = torch.func.jacrev(system.flow)(torch.zeros(2, dtype=DTYPE))[:, 1]
    sides = [torch.tensor([0.0, side], dtype=DTYPE) for side in (1e-6, -1e-6)]
    return all(bool(((system.flow(side) / side[1] - slope).abs() < CUSP).all()) for side in sides)


def _eigenvalues(matrix: torch.Tensor) -> np.ndarray:
    return np.linalg.eigvals(matrix.numpy())
