"""The keys of ``steadygan theory perfect-discriminator``; no torch, so that help is there at once."""

from dataclasses import dataclass
from typing import Annotated

from steadygan.common.errors import bad_value
from steadygan.common.ranges import Count, at_least, positive
from steadygan.common.typed import Misfit, check_fields, read


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
    size: Annotated[int, at_least(0)] = 0
    width: Count = 64
    batch_size: Annotated[int, at_least(2)] = 64
    lr: Annotated[float, positive] = 2e-4
    epochs: str = "1,10,25"
    iterations: Count = 2000
    every: Count = 100
    batches: Annotated[int, at_least(2)] = 16
    sigma: Annotated[float, positive] = 0.1
    blur: Annotated[float, positive] = 1.0
    gamma: Annotated[float, positive] = 1.0
    seeds: Count = 3
    draws: Annotated[int, at_least(20)] = 2000
    coordinates: Count = 12

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.ages:
            raise bad_value("epochs", self.epochs, "must be whole numbers of at least 0, such as 1,10,25")
        if self.every > self.iterations:
            raise bad_value("every", self.every, f"must be at most iterations={self.iterations}")

    @property
    def ages(self) -> tuple[int, ...]:
        """``epochs`` in rising order; empty where it cannot be read."""
        try:
            return tuple(sorted({int(str(read(word, Annotated[int, at_least(0)]))) for word in self.epochs.split(",")}))
        except Misfit:
            return ()
