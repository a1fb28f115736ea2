"""Images that grow: which resolution a GAN is at, and what the real images look like there.

Networks that grow have one resolution a *stage*, from 4 x 4 up. In a new stage the new layers are faded in: their
output is mixed with that of the layers before them. All images keep the size of the data: what is made in a smaller
one is repeated, and looked at by its means; so noise, penalties and metrics do not know of stages.

Reference: Karras et al. (2018), arXiv:1710.10196.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from steadygan.core.scalars import scalar
from steadygan.core.step_batch import Batches, StepBatch
from steadygan.core.types import Apply, Networks, Number, Tensors


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
        fixed: the stage that they are at, whatever the iteration.
    """

    sizes: tuple[int, ...]
    per_iteration: float
    stable: float
    fading: float
    fixed: int | None = None

    def start(self, stage: int) -> float:
        """Return the number of images at which a stage begins."""
        return 0.0 if stage == 0 else self.stable + (stage - 1) * (self.fading + self.stable)

    def begins(self, stage: int) -> int:
        """Return the first iteration (from 0) of a stage."""
        return -int(-self.start(stage) // self.per_iteration)

    def stage(self, t: Number) -> int:
        """Return the stage of iteration ``t``, from 0; it says how a program is built.

        So ``t`` is no tensor, unless the stage is fixed.
        """
        if self.fixed is not None:
            return self.fixed
        return max(stage for stage in range(len(self.sizes)) if self.start(stage) <= t * self.per_iteration)

    def fade(self, stage: int, t: Number) -> Number:
        """Return the fade: from 0 to 1 in ``fading`` images after the start of a stage; 1 at the first stage."""
        if stage == 0 or self.fading == 0:
            return 1.0
        if isinstance(t, Tensor):
            return ((t.double() * self.per_iteration - self.start(stage)) / self.fading).clamp(0, 1)
        return min(max((t * self.per_iteration - self.start(stage)) / self.fading, 0.0), 1.0)

    def at(self, t: Number) -> "Stage":
        """Return the stage of iteration ``t``, which may be a tensor where the stage is fixed."""
        stage = self.stage(t)
        return Stage(self.sizes, stage, self.fade(stage, t))


class Stage(NamedTuple):
    """A stage of networks that grow, and the fade of its new layers."""

    sizes: tuple[int, ...]
    stage: int
    fade: Number

    def generator(self, apply: Apply) -> Apply:
        """Return a growing generator as one of images of full size."""
        return partial(_full_size, apply, self)

    def discriminator(self, apply: Apply) -> Apply:
        """Return a growing discriminator as it is at this stage."""
        return partial(apply, stage=self.stage, fade=self.fade)

    def networks(self, networks: Networks) -> Networks:
        """Return the networks of an algorithm as they are at this stage; those that are None stay None."""
        generator, discriminator, *others = networks
        more = (apply and self.discriminator(apply) for apply in others)
        return Networks(self.generator(generator), self.discriminator(discriminator), *more)

    def real(self, x: Tensor) -> Tensor:
        """Return real images as they are at this stage."""
        return at_stage(x, self.sizes[self.stage], self.fade)

    def batches(self, batches: Batches) -> Batches:
        """Return the batches with real examples as the networks are to see them."""

        def look(batch: StepBatch) -> StepBatch:
            return batch if batch.real is None else batch._replace(real=self.real(batch.real))

        return {player: tuple(look(batch) for batch in own) for player, own in batches.items()}


def _full_size(
    apply: Apply, stage: Stage, params: Tensors, buffers: Tensors, *inputs: Tensor
) -> tuple[Tensor, Tensors]:
    made, new = apply(params, buffers, *inputs, stage=stage.stage, fade=stage.fade)
    return enlarged(made, stage.sizes[-1]), new
