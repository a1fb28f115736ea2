"""The keys of ``steadygan theory distances``; no torch, so that help is there at once."""

from dataclasses import dataclass

from steadygan.common.errors import UserError


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

    extent: float = 1.0
    count: int = 41
    samples: int = 400
    bins: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        problems = [f"{key}={getattr(self, key)}: must be at least {low}" for key, low in LEAST.items()
                    if getattr(self, key) < low]  # fmt: skip
        if not 0 < self.extent < float("inf"):
            problems.append(f"extent={self.extent}: must be finite and greater than 0")
        if problems:
            raise UserError("\n".join(problems))


LEAST = {"count": 2, "samples": 2, "bins": 1}
