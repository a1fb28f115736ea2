"""The keys of ``steadygan theory rank``; no torch, so that help is there at once."""

from dataclasses import dataclass
from typing import Annotated

from steadygan.common.ranges import Count, at_least, positive
from steadygan.common.typed import check_fields


@dataclass(frozen=True)
class Settings:
    """Settings of the study.

    Attributes:
        run: the folder of a run, whose averaged generator is looked at; without it, a fresh one of the keys below.
        dataset: of the fresh one.
        network: of the fresh one, any option of the group.
        width: of the fresh one.
        latent: of the fresh one, the dimension of z.
        points: latents at which the rank is taken.
        tolerance: a singular value counts that is larger than so much of the largest.
        seed: of weights and latents.
    """

    run: str = ""
    dataset: str = "digits"
    network: str = "dcgan"
    width: Count = 16
    latent: Count = 16
    points: Count = 32
    tolerance: Annotated[float, positive] = 1e-9
    seed: Annotated[int, at_least(0)] = 0

    def __post_init__(self) -> None:
        check_fields(self)
