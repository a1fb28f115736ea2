"""The keys of ``steadygan theory wasserstein-bound``; no torch, so that help is there at once."""

from dataclasses import dataclass

from steadygan.analysis.studies.ranges import check
from steadygan.common.errors import bad_value


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
    sigma: float = 0.5
    least: float = 0.02
    iterations: int = 4000
    every: int = 200
    samples: int = 1000
    width: int = 64
    batch_size: int = 128
    lr: float = 1e-3
    seed: int = 0

    def __post_init__(self) -> None:
        counts = {"iterations": 1, "every": 1, "width": 1, "seed": 0, "samples": 2, "batch_size": 2}
        check(self, above={"sigma": 0.0, "least": 0.0, "lr": 0.0}, least=counts)
        if self.every > self.iterations:
            raise bad_value("every", self.every, f"must be at most iterations={self.iterations}")
