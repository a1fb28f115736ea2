"""The keys of ``steadygan theory perfect-discriminator``; no torch, so that help is there at once."""

from dataclasses import dataclass

from steadygan.analysis.studies.ranges import check, whole_numbers
from steadygan.common.errors import bad_value


@dataclass(frozen=True)
class Settings:
    """Settings of the study.

    Attributes:
        dataset: ring, grid, digits, mnist or any other option of the group.
        network: dcgan, mlp or any other option; auto: dcgan for images, mlp for vectors.
        size: of images, where the data set has several; 0: as it is.
        width: of both networks.
        batch_size: examples of each kind an iteration.
        lr: of both players' Adam, with beta1 = 0.5 as in DCGAN.
        epochs: after which the generator is frozen; an epoch is num_data / batch_size iterations.
        iterations: of each new discriminator.
        every: iterations between two looks.
        batches: over which the gradient's mean and variance are taken.
        sigma: of the instance noise, in the units of the data.
        blur: level of the blur, in pixels; vectors go without.
        gamma: of R1.
        seeds: from 0 on.
        draws: of the gradient under white noise.
        coordinates: parameters whose distribution is compared with Cauchy's.
    """

    dataset: str = "ring"
    network: str = "auto"
    size: int = 0
    width: int = 64
    batch_size: int = 64
    lr: float = 2e-4
    epochs: str = "1,10,25"
    iterations: int = 2000
    every: int = 100
    batches: int = 16
    sigma: float = 0.1
    blur: float = 1.0
    gamma: float = 1.0
    seeds: int = 3
    draws: int = 2000
    coordinates: int = 12

    def __post_init__(self) -> None:
        positive = {"lr": 0.0, "sigma": 0.0, "blur": 0.0, "gamma": 0.0}
        least = dict.fromkeys(("width", "iterations", "every", "seeds", "coordinates"), 1)
        check(self, above=positive, least={**least, "size": 0, "batch_size": 2, "batches": 2, "draws": 20})
        whole_numbers("epochs", self.epochs)
        if self.every > self.iterations:
            raise bad_value("every", self.every, f"must be at most iterations={self.iterations}")
