"""The keys of ``steadygan theory distances``; no torch, so that help is there at once."""

from dataclasses import dataclass
from typing import Annotated

from steadygan.common.ranges import Count, at_least, positive
from steadygan.common.typed import check_fields


@dataclass(frozen=True)
class Settings:
    """Settings of the study.

    Attributes:
        extent: the lines are up to so far apart, to either side.
        count: of values of theta; an odd one has 0 among them.
        samples: drawn from each line.
        bins: along each dimension, for the estimates of all but the earth mover's distance.
        seed: of the samples.
    """

    extent: Annotated[float, positive] = 1.0
    count: Annotated[int, at_least(2)] = 41
    samples: Annotated[int, at_least(2)] = 400
    bins: Count = 8
    seed: Annotated[int, at_least(0)] = 0

    def __post_init__(self) -> None:
        check_fields(self)
