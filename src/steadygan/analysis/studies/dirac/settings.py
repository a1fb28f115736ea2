"""The keys of ``steadygan theory dirac``; no torch, so that help is there at once."""

from dataclasses import dataclass
from typing import Annotated

from steadygan.common.ranges import Count, at_least, positive
from steadygan.common.typed import check_fields

CASES = {"general": 0.0, "absolutely_continuous": 1.0}
"""Standard deviation of the data, and of the generator's distribution around theta."""


@dataclass(frozen=True)
class Settings:
    """Numbers of the methods; they may lie outside the ranges that training allows (gamma < 0).

    Attributes:
        step: learning rate ``h`` of both players.
        n_critic: moves of the discriminator an iteration, under alternating updates.
        gamma: of R1, R2, Roth's penalty and consensus optimisation.
        mix: of the convex combination ``mix R1 + (1 - mix) R2``.
        sigma: of instance noise.
        weight: of WGAN-GP's and DRAGAN's penalty.
        center: their slope.
        clip: of WGAN's weights.
        unroll: steps that the unrolled generator looks ahead.
        temperature: of SGLD.
        prior_precision: of SGLD.
        iterations: of the trajectories that are drawn.
        cloud_iterations: of the two-dimensional example; 0 leaves it out.
        seed: of SGLD's noise and of the two-dimensional example.
    """

    step: Annotated[float, positive] = 0.1
    n_critic: Count = 1
    gamma: float = 0.5
    mix: float = 0.5
    sigma: float = 1.0
    weight: float = 1.0
    center: float = 1.0
    clip: float = 1.0
    unroll: Annotated[int, at_least(0)] = 5
    temperature: float = 0.001
    prior_precision: float = 0.5
    iterations: Count = 500
    cloud_iterations: Annotated[int, at_least(0)] = 600
    seed: int = 0

    def __post_init__(self) -> None:
        check_fields(self)
