"""Adaptive discriminator augmentation."""

from dataclasses import dataclass
from functools import partial
from math import pi

import torch
from torch import Tensor

from steadygan.core.augment import (
    cut_out,
    each,
    flip,
    mix_channels,
    quarter_turns,
    resample,
    rotation,
    rounded_steps,
    warp,
)
from steadygan.core.declare import count, declare, fraction, positive
from steadygan.core.draws import uniforms_and_normals
from steadygan.core.scalars import scalar
from steadygan.core.types import Number, Perturb, Tensors

GATES, UNIFORM, NORMAL = 14, 10, 7
"""Numbers of each image: whether each transform is applied, and its extent."""

draw = uniforms_and_normals(GATES + UNIFORM, NORMAL)


@declare(
    draw=draw,
    images=True,
    start=fraction,
    target=fraction,
    interval=count,
    horizon=positive,
    batch_size=count,
    colours=fraction,
    cutout=fraction,
)
@dataclass(frozen=True)
class Ada:
    """Adaptive discriminator augmentation.

    Each transform of D's inputs is applied with a probability that grows while D is too sure of real samples, which
    is where it begins to know them by heart, and falls otherwise.

    The measure is their ``r_t``, the mean sign of D's logits of real samples: for losses whose logits have their
    decision at 0. See ``augment`` for the transforms.

    Attributes:
        start: the probability in the beginning.
        target: of ``r_t``.
        interval: updates of D between two changes of the probability.
        horizon: images that D sees while the probability goes from 0 to 1 at most.
        batch_size: images that D sees in an update.
        rotate, colours, cutout: see ``augment``.

    Reference: Karras et al. (2020), sections 2 and 3, arXiv:2006.06676.
    """

    start: Number = 0.0
    target: Number = 0.6
    interval: Number = 4
    horizon: Number = 500_000
    batch_size: Number = 64
    rotate: bool = True
    colours: Number = 1.0
    cutout: Number = 0.0

    def __call__(self, x: Tensor, eps: Tensor) -> Tensor:
        """Augment with the initial probability."""
        return self._at(self.start)(x, eps)

    def _at(self, probability: Number) -> Perturb:
        settings = {"rotate": self.rotate, "colours": self.colours, "cutout": self.cutout}
        return partial(augment, probability=probability, **settings)

    def init(self, members: int, like: Tensor) -> Tensors:
        """Return the probability, and the sum of the signs since its last change; one for all discriminators."""
        none = torch.zeros((), dtype=like.dtype, device=like.device)
        return {"probability": scalar(self.start, like) + none, "signs": none, "turns": none.clone()}

    def perturbation(self, aux_state: Tensors) -> Perturb:
        """Return the augmentation with the present probability."""
        return self._at(aux_state["probability"])

    def look(self, real_logits: Tensor) -> Tensors:
        """Return the mean sign of the logits."""
        return {"sign": torch.sign(real_logits).mean()}

    def update(self, aux_state: Tensors, batch_stats: Tensors) -> Tensors:
        """Return the state after an update of the discriminator."""
        signs, updates = aux_state["signs"] + batch_stats["sign"], aux_state["turns"] + 1
        target, batch, horizon = (scalar(value, signs) for value in (self.target, self.batch_size, self.horizon))
        changed = aux_state["probability"] + torch.sign(signs / updates - target) * batch * updates / horizon
        due = updates >= self.interval
        new = {"probability": changed.clamp(0, 1), "signs": torch.zeros_like(signs), "turns": torch.zeros_like(updates)}
        old = {"probability": aux_state["probability"], "signs": signs, "turns": updates}
        return {name: torch.where(due, value, old[name]) for name, value in new.items()}

    def logs(self, aux_state: Tensors) -> Tensors:
        """Return the probability."""
        return {"probability": aux_state["probability"]}


@declare(draw=draw, images=True, probability=fraction, colours=fraction, cutout=fraction)
def augment(
    x: Tensor,
    eps: Tensor,
    *,
    probability: Number,
    rotate: bool = True,
    colours: Number = 1.0,
    cutout: Number = 0.0,
) -> Tensor:
    """Transform images as Karras et al. 2020, appendix B, each transform with a probability.

    In their order and strengths: mirror image, quarter turns, whole-pixel shifts, scaling, turns by any angle before
    and after scaling of each axis, fractional shifts; brightness, contrast, negation of luma, rotation of hue,
    saturation; a hole.

    As it stands this is the set ``bgc`` of their code. Filters and noise are left out. Images are interpolated between
    neighbours, where theirs are enlarged and filtered first, and go on beyond any distance as mirror images.

    Reference: Karras et al. (2020), appendix B, arXiv:2006.06676 (``training/augment.py`` of stylegan2-ada-pytorch).

    Args:
        x: images ``[B, C, H, W]``.
        eps: U(0, 1) ``[B, 24]`` and N(0, 1) ``[B, 7]`` side by side.
        probability: of each transform.
        rotate: whether images are turned by any angle; either turn or both, with ``probability`` in all.
        colours: the probability of each transform of colours is this times ``probability``.
        cutout: likewise that of a hole of half of each side.
    """
    gates, uniform, normal = eps.split([GATES, UNIFORM, NORMAL], 1)
    probability = scalar(probability, x)
    applied = gates < probability
    mirror, turns, whole, zoom, stretch, move, *_ = applied.unbind(1)
    u, n = uniform.unbind(1), normal.unbind(1)
    x = flip(x, mirror & (u[0] < 0.5))
    x = quarter_turns(x, torch.where(turns, torch.floor(4 * u[1]), 0))
    by = [
        (
            torch.where(whole, rounded_steps(u[2 + axis], 0.125 * length), 0),
            torch.where(move, 0.125 * length * n[2 + axis], 0),
        )
        for axis, length in enumerate(x.shape[-2:])
    ]
    size, ratio = torch.where(zoom, torch.exp2(0.2 * n[0]), 1), torch.where(stretch, torch.exp2(0.2 * n[1]), 1)
    angles = None
    if rotate:
        once = 1 - (1 - probability).sqrt()  # of either turn, so that there is one at all with the probability
        angles = [torch.where(gates[:, 11 + turn] < once, pi * (2 * u[6 + turn] - 1), 0) for turn in range(2)]
    x = _moved(x, size, (1 / ratio, ratio), by, angles)
    bright, contrast, negate, hue, saturate = (gates[:, 6:11] < scalar(colours, x) * probability).unbind(1)
    x = _coloured(x, bright, contrast, negate & (u[4] < 0.5), hue, saturate, u[5], n)
    return cut_out(x, torch.where(gates[:, 13] < scalar(cutout, x) * probability, 0.5, 0), (u[8], u[9]))


def _moved(
    x: Tensor,
    size: Tensor,
    stretch: tuple[Tensor, Tensor],
    by: list[tuple[Tensor, Tensor]],
    angles: list[Tensor] | None,
) -> Tensor:
    """Shift, scale, turn, scale each axis, turn and shift images; ``by`` are both shifts of rows and of columns."""
    if angles is None:
        scale = size * stretch[0], size * stretch[1]
        rows, columns = (factor * first + last for factor, (first, last) in zip(scale, by))
        return resample(x, scale, (rows, columns))
    first, last = (torch.stack(shifts, -1) for shifts in zip(*by))
    # From the pixel made to the one that it shows: each step undone, the last one first.
    before, after = (rotation(angle) for angle in angles)
    narrowed = torch.stack([1 / factor for factor in stretch], -1)
    matrix = before @ (narrowed[:, :, None] * after) / size[:, None, None]
    return warp(x, matrix, -(matrix @ last[:, :, None])[..., 0] - first)


def _coloured(
    x: Tensor,
    bright: Tensor,
    contrast: Tensor,
    negate: Tensor,
    hue: Tensor,
    saturate: Tensor,
    u: Tensor,
    n: tuple[Tensor, ...],
) -> Tensor:
    """Colours as points of a space whose diagonal is luma; brightness comes first, and all that follows acts on it."""
    channels = x.shape[1]
    one = torch.eye(channels, dtype=x.dtype, device=x.device)
    luma = torch.full_like(one, 1 / channels)
    strength = each(torch.where(saturate, torch.exp2(n[6]), 1))[:, 0]
    matrix = luma + strength * (one - luma)
    if channels == 3:
        angle = each(torch.where(hue, pi * (2 * u - 1), 0))[:, 0]
        across = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], dtype=x.dtype, device=x.device) / 3**0.5
        matrix = (luma + torch.cos(angle) * (one - luma) + torch.sin(angle) * across) @ matrix
    matrix = (one - 2 * luma * each(negate)[:, 0]) @ matrix
    matrix = matrix * each(torch.where(contrast, torch.exp2(0.5 * n[5]), 1))[:, 0]
    return mix_channels(x + each(torch.where(bright, 0.2 * n[4], 0)), matrix)
