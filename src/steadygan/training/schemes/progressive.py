"""Progressive growing: small images first, then larger ones, faded in.

Reference: Karras et al. (2018), arXiv:1710.10196.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from torch import nn

from steadygan.common.errors import bad_value
from steadygan.config.node import PLAYERS
from steadygan.core.declare import Range, declare, positive, signed_as
from steadygan.core.growing import Growth
from steadygan.core.types import Tree
from steadygan.data.base import Dataset
from steadygan.training.schemes.base import Row

whole_images = Range("must be finite and not negative", low=0.0, structure=True)


@signed_as("steadygan.engines.schemes.Progressive")
@declare(fading=whole_images)
@dataclass(frozen=True)
class Progressive:
    """Both networks grow from 4 x 4 to the size of the data.

    Attributes:
        images: real images that the discriminator sees at each size with nothing to fade.
        fading: real images in which a new size is faded in, before its ``images``.
    """

    alone: ClassVar[str | None] = None

    images: Annotated[float, positive] = 800_000
    fading: float = 800_000

    def check(self, networks: Mapping[str, nn.Module], dataset: Dataset) -> None:
        """Raise a ``UserError`` where a network does not grow."""
        for player in PLAYERS:
            if not getattr(networks[player], "sizes", None):
                problem = f"needs networks that grow, and the {player} does not"
                raise bad_value("scheme", "progressive", problem, ["network=progressive", "scheme=none"])

    def growth(self, networks: Mapping[str, nn.Module], per_iteration: float) -> Growth:
        """See the class."""
        sizes = networks["generator"].sizes
        return Growth(sizes, per_iteration, self.images, self.fading)  # pyright: ignore[reportArgumentType] ``check`` has seen them

    def before(self, dataset: Dataset) -> None:
        """Nothing."""

    def record(self, directory: Path, rows: Sequence[Row], seconds: float, growth: Growth) -> Tree:
        """Return the sizes so far, each with the images at which it began and its seconds, as far as the rows go."""
        images, times = ([0.0, *(float(row[key]) for row in rows)] for key in ("images", "seconds"))
        starts = [
            growth.start(stage) for stage in range(len(growth.sizes)) if stage == 0 or growth.start(stage) < images[-1]
        ]
        at = [*np.interp(starts, images, times), max(seconds, times[-1])]
        phases = [
            {"phase": "game", "size": size, "images": start, "seconds": float(end - begin)}
            for size, start, begin, end in zip(growth.sizes, starts, at, at[1:])
        ]
        return {"name": "progressive", "phases": phases}
