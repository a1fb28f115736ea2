"""The spectrum of the game as columns of ``metrics.csv`` (``diagnostics.spectrum_every``)."""

import numpy as np
import torch

from steadygan.analysis.linearised import Field, Iteration, scene
from steadygan.config.node import Config
from steadygan.networks.layers.norms import unsynchronised
from steadygan.theory.spectrum import Operator, balance, measured, ritz, scaled
from steadygan.training.components import Components
from steadygan.training.state import GANState

NAMES = ("real", "imag", "modulus", "residual", "radius", "radius_residual", "field_norm")
COLUMNS = tuple(f"spectrum/{name}" for name in NAMES)
"""Largest real part, imaginary part and modulus of the field's eigenvalues, the largest residual of the three, the
largest modulus of one iteration's with its residual, and the field's norm."""

VECTORS = 60
"""Of the Krylov spaces: each is a product with a Jacobian."""


def due(config: Config, iteration: int) -> bool:
    """Return whether it is to be computed after ``iteration``."""
    every = every_of(config)
    return every is not None and iteration % every == 0


def every_of(config: Config) -> int | None:
    """Iterations between two; None for never."""
    return (config.get("diagnostics") or {}).get("spectrum_every")


def columns(config: Config) -> list[str]:
    """Return the columns of ``measure`` that a run has."""
    return [] if every_of(config) is None else list(COLUMNS)


def measure(gan: GANState, components: Components, config: Config) -> dict[str, float]:
    """Return the columns at the state that ``gan`` is in; empty where something is not finite.

    On a batch of its own, by draws of its own: nothing of the training changes. The outermost Ritz values of one Krylov
    space of each Jacobian, which ``spectrum/residual`` vouches for; ``steadygan stability`` looks closer.
    """
    size = config["diagnostics"]["spectrum_size"]
    with unsynchronised(), torch.enable_grad():
        here = scene(components, gan.state, gan.iteration, gan.seed, size)
        field = Field(here)
        norm = float(field(field.x).norm())
        try:
            space = ritz(field.operator(), VECTORS)
            radius = _radius(Iteration(here).operator())
        except np.linalg.LinAlgError:  # a product that is not finite
            return {}
    values = space.values
    sizes = (values.real, np.abs(values.imag), np.abs(values))
    residual = max(space.residuals[size.argmax()] for size in sizes)
    numbers = (*(size.max() for size in sizes), residual, *radius, norm)
    return {name: float(value) for name, value in zip(COLUMNS, numbers)} if np.isfinite(numbers).all() else {}


def _radius(iteration: Operator) -> tuple[float, float]:
    """Return the largest modulus of its multipliers, and the residual of that one."""
    scale = balance(iteration, 3)
    space = ritz(scaled(iteration, scale), VECTORS)
    index = int(np.abs(space.values).argmax())
    pair = measured(iteration, space.values[[index]], scale[:, None] * space.vectors([index]))
    return float(np.abs(space.values[index])), float(pair.residuals.max())
