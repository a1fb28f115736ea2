"""The keys of ``steadygan theory wasserstein-bound``; no torch, so that help is there at once."""

from dataclasses import dataclass
from typing import Annotated

from steadygan.common.errors import bad_value
from steadygan.common.ranges import Count, at_least, positive
from steadygan.common.typed import check_fields


@dataclass(frozen=True)
class Settings:
    """What is computed.

    Attributes:
        dataset: ring, grid, circle or other data in the plane.
        sigma: of the instance noise with which the GAN is trained, at its beginning; it falls to 0 in a straight line.
        least: of the noise of the bound, which falls with the former; without noise there is no bound.
        iterations: of the training.
        every: iterations between two looks.
        samples: of the data and of the generator at each look.
        width: of both networks.
        batch_size: examples of each kind an iteration.
        lr: of both players' Adam.
        seed: of weights and draws.
    """

    dataset: str = "ring"
    sigma: Annotated[float, positive] = 0.5
    least: Annotated[float, positive] = 0.02
    iterations: Count = 4000
    every: Count = 200
    samples: Annotated[int, at_least(2)] = 1000
    width: Count = 64
    batch_size: Annotated[int, at_least(2)] = 128
    lr: Annotated[float, positive] = 1e-3
    seed: Annotated[int, at_least(0)] = 0

    def __post_init__(self) -> None:
        check_fields(self)
        if self.every > self.iterations:
            raise bad_value("every", self.every, f"must be at most iterations={self.iterations}")
