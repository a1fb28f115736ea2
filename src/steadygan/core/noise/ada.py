"""Adaptive discriminator augmentation."""

from dataclasses import dataclass
from functools import partial
from math import pi

import torch
from torch import Tensor

from steadygan.core.augment import each, flip, mix_channels, quarter_turns, resample, whole_steps
from steadygan.core.declare import count, declare, fraction, positive
from steadygan.core.draws import uniforms_and_normals
from steadygan.core.scalars import scalar
from steadygan.core.types import Number, Perturb, Tensors

GATES, UNIFORM, NORMAL = 11, 6, 7
"""Numbers of each image: whether each transform is applied, and its extent."""

draw = uniforms_and_normals(GATES + UNIFORM, NORMAL)


@declare(draw=draw, images=True, start=fraction, target=fraction, interval=count, horizon=positive, batch_size=count)
@dataclass(frozen=True)
class Ada:
    """Each transform of D's inputs is applied with a probability that grows while D is too sure of real samples, which
    is where it begins to know them by heart, and falls otherwise (Karras et al. 2020, ADA, sections 2 and 3).

    The measure is their ``r_t``, the mean sign of D's logits of real samples: for losses whose logits have their
    decision at 0. See ``augment`` for the transforms.

    Attributes:
        start: the probability in the beginning.
        target: of ``r_t``.
        interval: turns of D between two changes of the probability.
        horizon: images that D sees while the probability goes from 0 to 1 at most.
        batch_size: images that D sees in a turn.
    """

    start: Number = 0.0
    target: Number = 0.6
    interval: Number = 4
    horizon: Number = 500_000
    batch_size: Number = 64

    def __call__(self, x: Tensor, eps: Tensor) -> Tensor:
        """As it is in the beginning."""
        return augment(x, eps, probability=self.start)

    def init(self, members: int, like: Tensor) -> Tensors:
        """The probability, and the sum of the signs since it was last changed; one for all discriminators."""
        none = torch.zeros((), dtype=like.dtype, device=like.device)
        return {"probability": scalar(self.start, like) + none, "signs": none, "turns": none.clone()}

    def perturbation(self, kept: Tensors) -> Perturb:
        """With the probability of now."""
        return partial(augment, probability=kept["probability"])

    def look(self, real_logits: Tensor) -> Tensors:
        """The mean sign of the logits."""
        return {"sign": torch.sign(real_logits).mean()}

    def update(self, kept: Tensors, seen: Tensors) -> Tensors:
        """After a turn of the discriminator."""
        signs, turns = kept["signs"] + seen["sign"], kept["turns"] + 1
        target, batch, horizon = (scalar(value, signs) for value in (self.target, self.batch_size, self.horizon))
        changed = kept["probability"] + torch.sign(signs / turns - target) * batch * turns / horizon
        due = turns >= self.interval
        new = {"probability": changed.clamp(0, 1), "signs": torch.zeros_like(signs), "turns": torch.zeros_like(turns)}
        old = {"probability": kept["probability"], "signs": signs, "turns": turns}
        return {name: torch.where(due, value, old[name]) for name, value in new.items()}

    def logs(self, kept: Tensors) -> Tensors:
        """The probability."""
        return {"probability": kept["probability"]}


@declare(draw=draw, images=True, probability=fraction)
def augment(x: Tensor, eps: Tensor, *, probability: Number) -> Tensor:
    """The transforms of Karras et al. 2020, appendix B, each with the same probability and its strengths there: mirror
    image, quarter turns, whole-pixel shifts, scaling of both and of each axis, fractional shifts; brightness, contrast,
    negation of luma, rotation of hue, saturation. Turns by any angle, filters and corruptions are left out.

    Args:
        x: images ``[B, C, H, W]``.
        eps: U(0, 1) ``[B, 17]`` and N(0, 1) ``[B, 7]`` side by side.
        probability: of each transform.
    """
    gates, uniform, normal = eps.split([GATES, UNIFORM, NORMAL], 1)
    applied = gates < scalar(probability, x)
    mirror, turns, whole, zoom, stretch, move, bright, contrast, negate, hue, saturate = applied.unbind(1)
    u, n = uniform.unbind(1), normal.unbind(1)
    x = flip(x, mirror & (u[0] < 0.5))
    x = quarter_turns(x, torch.where(turns, torch.floor(4 * u[1]), 0))
    x = _moved(x, whole, zoom, stretch, move, (u[2], u[3]), n)
    return _coloured(x, bright, contrast, negate & (u[4] < 0.5), hue, saturate, u[5], n)


def _moved(
    x: Tensor,
    whole: Tensor,
    zoom: Tensor,
    stretch: Tensor,
    move: Tensor,
    u: tuple[Tensor, Tensor],
    n: tuple[Tensor, ...],
) -> Tensor:
    size = torch.where(zoom, torch.exp2(0.2 * n[0]), 1)
    ratio = torch.where(stretch, torch.exp2(0.2 * n[1]), 1)
    by = [
        torch.where(whole, whole_steps(u[axis], length // 8), 0) + torch.where(move, 0.125 * length * n[2 + axis], 0)
        for axis, length in enumerate(x.shape[-2:])
    ]
    return resample(x, (size / ratio, size * ratio), (by[0], by[1]))


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
    """Colours as points of a space whose diagonal is luma."""
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
    return mix_channels(x, matrix) + each(torch.where(bright, 0.2 * n[4], 0))
