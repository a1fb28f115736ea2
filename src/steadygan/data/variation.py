"""Random draws for each batch of images: mirroring, and noise within a grey level."""

from dataclasses import dataclass

import torch
from torch import Tensor

from steadygan.config.node import Config
from steadygan.core.draws import generator
from steadygan.data.settings import truth

BYTES = 127.5
"""Grey levels a unit where 0 ... 255 are [-1, 1]."""


@dataclass(frozen=True)
class Variation:
    """Draws are functions of (seed, stream, index), like the rows of a batch, whichever process gathers them.

    Attributes:
        flip: mirror each image with probability 1/2.
        dequantise: add uniform noise of one grey level, half of it to each side: rounded, an image is what it was.
        levels: grey levels a unit.
    """

    flip: bool = False
    dequantise: bool = False
    levels: float = BYTES

    def __post_init__(self) -> None:
        truth("flip", self.flip)
        truth("dequantise", self.dequantise)

    def __call__(self, x: Tensor, seed: int, stream: str, index: int) -> Tensor:
        """Return ``[B, C, H, W]`` of floats in [-1, 1]; with noise half a grey level beyond."""
        return self.noisy(self.mirrored(x, seed, stream, index), seed, stream, index)

    def mirrored(self, x: Tensor, seed: int, stream: str, index: int) -> Tensor:
        """Return the first part, of any type of numbers."""
        if not self.flip:
            return x
        chosen = torch.rand(len(x), generator=generator(seed, f"{stream}/flip", index)) < 0.5
        return torch.where(chosen.to(x.device)[:, None, None, None], x.flip(-1), x)

    def noisy(self, x: Tensor, seed: int, stream: str, index: int) -> Tensor:
        """Return the second part, of floats; drawn on their device."""
        if not self.dequantise:
            return x
        source = generator(seed, f"{stream}/dequantise", index, x.device)
        noise = torch.rand(x.shape, generator=source, dtype=x.dtype, device=x.device)
        return x + (noise - 0.5) / self.levels


def signed(config: Config) -> dict[str, object]:
    """Return a data set's config without what is off: a run that varies nothing is signed as if nothing could vary."""
    return {key: value for key, value in config.items() if key not in ("flip", "dequantise") or value is not False}
