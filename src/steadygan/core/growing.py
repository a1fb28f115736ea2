"""Images that grow: which resolution a GAN is at, and what the real images look like there.

Networks that grow have one resolution a *stage*, from 4 x 4 up. In a new stage the new layers are faded in: their
output is mixed with that of the layers before them. All images keep the size of the data: what is made in a smaller
one is repeated, and looked at by its means; so noise, penalties and metrics do not know of stages.

Reference: Karras et al. (2018), arXiv:1710.10196.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from steadygan.core.scalars import scalar
from steadygan.core.types import Apply, Number, Tensors


def shrunk(x: Tensor, size: int) -> Tensor:
    """Images ``[B, C, S, S]`` as ``[B, C, size, size]``: the means of squares of pixels; ``size`` divides S."""
    factor = x.shape[-1] // size
    return x if factor == 1 else F.avg_pool2d(x, factor)


def enlarged(x: Tensor, size: int) -> Tensor:
    """Images ``[B, C, s, s]`` as ``[B, C, size, size]``: each pixel repeated; s divides ``size``."""
    factor = size // x.shape[-1]
    return x if factor == 1 else F.interpolate(x, scale_factor=factor, mode="nearest")


def mixed(old: Tensor, new: Tensor, fade: Number) -> Tensor:
    """``old`` at a fade of 0, ``new`` at 1, linear between."""
    return old + scalar(fade, old) * (new - old)


def fades(fade: Number) -> bool:
    """Return whether the old layers may still be seen; a tensor is not looked at."""
    return isinstance(fade, Tensor) or fade < 1


def at_stage(x: Tensor, size: int, fade: Number) -> Tensor:
    """Images ``[B, C, S, S]`` as they are at a stage of ``size``, faded like generated ones; ``[B, C, S, S]``."""
    new = shrunk(x, size)
    if fades(fade) and size > 1:
        new = mixed(enlarged(shrunk(x, size // 2), size), new, fade)
    return enlarged(new, x.shape[-1])


@dataclass(frozen=True)
class Growth:
    """When a pair of networks grows, by the number of real images that the discriminator has seen.

    Attributes:
        sizes: of the stages, each twice the one before.
        per_iteration: images an iteration.
        stable: images of each stage with nothing to fade.
        fading: images in which a stage after the first is faded in; before its ``stable`` ones.
    """

    sizes: tuple[int, ...]
    per_iteration: float
    stable: float
    fading: float

    def start(self, stage: int) -> float:
        """Return the number of images at which a stage begins."""
        return 0.0 if stage == 0 else self.stable + (stage - 1) * (self.fading + self.stable)

    def begins(self, stage: int) -> int:
        """Return the first iteration (from 0) of a stage."""
        return -int(-self.start(stage) // self.per_iteration)

    def stage(self, t: int) -> int:
        """Return the stage of iteration ``t``, from 0; it says how a program is built, so ``t`` is no tensor."""
        return max(stage for stage in range(len(self.sizes)) if self.start(stage) <= t * self.per_iteration)

    def fade(self, stage: int, t: Number) -> Number:
        """Return the fade: from 0 to 1 in ``fading`` images after the start of a stage; 1 at the first stage."""
        if stage == 0 or self.fading == 0:
            return 1.0
        if isinstance(t, Tensor):
            return ((t.double() * self.per_iteration - self.start(stage)) / self.fading).clamp(0, 1)
        return min(max((t * self.per_iteration - self.start(stage)) / self.fading, 0.0), 1.0)

    def generator(self, apply: Apply, stage: int, fade: Number) -> Apply:
        """Return a growing generator as one of images of full size."""
        return partial(_full_size, apply, self.sizes[-1], {"stage": stage, "fade": fade})

    def discriminator(self, apply: Apply, stage: int, fade: Number) -> Apply:
        """Return a growing discriminator as it is at a stage."""
        return partial(apply, stage=stage, fade=fade)

    def functions(self, functions: dict[str, Any], stage: int, fade: Number) -> dict[str, Any]:
        """Return an objective's functions by name as they are at a stage; those that are None stay None."""
        made = {name: apply and self.discriminator(apply, stage, fade) for name, apply in functions.items()}
        return {**made, "generator": self.generator(functions["generator"], stage, fade)}

    def real(self, x: Tensor, stage: int, fade: Number) -> Tensor:
        """Real images as they are at a stage."""
        return at_stage(x, self.sizes[stage], fade)


def _full_size(
    apply: Apply, size: int, stage_kwargs: dict[str, Any], params: Tensors, buffers: Tensors, *inputs: Tensor
) -> tuple[Tensor, Tensors]:
    made, new = apply(params, buffers, *inputs, **stage_kwargs)
    return enlarged(made, size), new
