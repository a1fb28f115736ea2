"""The keys of ``steadygan theory two-gaussians``; no torch, so that help is there at once."""

from dataclasses import dataclass

from steadygan.analysis.studies.ranges import check


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
    std: float = 0.8
    iterations: int = 3000
    batch_size: int = 512
    width: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        check(self, above={"std": 0.0}, least={"iterations": 1, "batch_size": 2, "width": 1, "seed": 0})
