"""The keys of ``steadygan theory two-gaussians``; no torch, so that help is there at once."""

from dataclasses import dataclass
from typing import Annotated

from steadygan.common.ranges import Count, at_least, positive
from steadygan.common.typed import check_fields


@dataclass(frozen=True)
class Settings:
    """Settings of the study.

    Attributes:
        real_mean: of the data N(real_mean, std^2).
        fake_mean: of the generated samples, N(fake_mean, std^2).
        std: of both.
        iterations: of each discriminator.
        batch_size: samples of each kind an iteration.
        width: units of each hidden layer.
        seed: of weights and draws.
    """

    real_mean: float = -2.0
    fake_mean: float = 2.0
    std: Annotated[float, positive] = 0.8
    iterations: Count = 3000
    batch_size: Annotated[int, at_least(2)] = 512
    width: Count = 64
    seed: Annotated[int, at_least(0)] = 0

    def __post_init__(self) -> None:
        check_fields(self)
