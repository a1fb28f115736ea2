"""A generator of fixed size as one that grows: an image is taken from its layers at every resolution on the way."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from steadygan.common.errors import UserError, bad_value
from steadygan.core.growing import enlarged, fades, mixed
from steadygan.core.types import Number
from steadygan.networks.checks import Shape
from steadygan.networks.layers.initial import normal


class Growing(nn.Module):
    """A generator that grows by itself: with ``sizes``, and the keywords ``stage`` and ``fade``."""

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator
        self.sizes: Shape = getattr(generator, "sizes", ())

    def forward(self, z: Tensor, *label: Tensor, stage: int, fade: Number = 1.0) -> Tensor:
        """Images ``[B, C, s, s]`` of the stage's size."""
        return self.generator(z, *label, stage=stage, fade=fade)


class Stacked(nn.Module):
    """One whose ``layers`` double the size again and again, with a head for each resolution but the last.

    A head is a 1 x 1 convolution and a tanh on what the next enlarging layer sees; the last resolution's images are
    the generator's own. The heads serve pre-training alone: they are none of the generator's parameters.

    Args:
        generator: with ``layers``, or one with ``inner.layers``: an ``nn.Sequential`` from features to an image.
        shape: of its images, ``(C, S, S)``.

    Attributes:
        sizes: the resolutions, each twice the one before.
    """

    def __init__(self, generator: nn.Module, shape: Shape) -> None:
        super().__init__()
        self.generator = generator
        enlarging = _enlarging(generator)
        self._enlarging = [layer for layer, _ in enlarging]
        self.sizes = (*(features.shape[-1] for _, features in enlarging), shape[-1])
        if not enlarging or any(2 * size != after for size, after in pairwise(self.sizes)):
            raise unfit(generator)
        heads = [nn.Conv2d(features.shape[1], shape[0], 1) for _, features in enlarging]
        self.heads = nn.ModuleList(map(normal, heads))

    def forward(self, z: Tensor, *label: Tensor, stage: int, fade: Number = 1.0) -> Tensor:
        """Images ``[B, C, s, s]`` of the stage's size; at a fade of 0 those of the stage before it, enlarged."""
        image, features = self._run(stage, z, *label)
        if image is None:
            image = self.heads[stage](features[stage]).tanh()
        if stage == 0 or not fades(fade):
            return image
        return mixed(enlarged(self.heads[stage - 1](features[stage - 1]).tanh(), self.sizes[stage]), image, fade)

    def _run(self, stage: int, *inputs: Tensor) -> tuple[Tensor | None, list[Tensor]]:
        """Return the generator up to its layer that enlarges the stage's features, and what these layers saw.

        Its image as well where it ran to the end. Stopped from within, since how it hands things on is its own matter.
        """
        features: list[Tensor] = []

        def look(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            features.append(inputs[0])
            if len(features) > stage:
                raise _Enough

        hooks = [layer.register_forward_pre_hook(look) for layer in self._enlarging]
        try:
            return self.generator(*inputs), features
        except _Enough:
            return None, features
        finally:
            for hook in hooks:
                hook.remove()


class _Enough(Exception):
    """The layers behind are not wanted."""


@torch.no_grad()
def _enlarging(generator: nn.Module) -> list[tuple[nn.Module, Tensor]]:
    """Return the layers that make images larger, in order, each with an example of what it sees."""
    enlarging: list[tuple[nn.Module, Tensor]] = []

    def compare(layer: nn.Module, inputs: tuple[Tensor, ...], made: Tensor) -> None:
        if made.ndim == inputs[0].ndim == 4 and made.shape[-1] > inputs[0].shape[-1]:
            enlarging.append((layer, inputs[0]))

    modes = {module: module.training for module in generator.modules()}
    generator.eval()  # normalisation leaves its statistics alone
    inner = getattr(generator, "inner", generator)
    hooks = [layer.register_forward_hook(compare) for layer in inner.get_submodule("layers").children()]
    like = next(generator.parameters())
    labels = [torch.zeros(1, dtype=torch.int64, device=like.device)] if hasattr(generator, "classes") else []
    try:
        generator(torch.zeros(1, getattr(generator, "latent", 0), dtype=like.dtype, device=like.device), *labels)
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes.items():
            module.training = mode
    return enlarging


def as_growing(generator: nn.Module, shape: Shape) -> Growing | Stacked:
    """Return a generator as one that grows, not copied; a ``UserError`` if it does not double its images' size."""
    if getattr(generator, "sizes", None):
        return Growing(generator)
    if not isinstance(getattr(getattr(generator, "inner", generator), "layers", None), nn.Sequential):
        raise unfit(generator)
    return Stacked(generator, shape)


def unfit(generator: nn.Module) -> UserError:
    """Return the error for a generator that cannot be pre-trained in stages."""
    inner = type(getattr(generator, "inner", generator))
    problem = f"needs a generator that doubles the size of its images step by step, which {inner.__module__} is not"
    return bad_value("scheme", "pretrain", problem, ["network=dcgan", "network=progressive", "scheme=none"])
