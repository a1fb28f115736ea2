"""How far images are from others in the eyes of a frozen network.

Reference: Johnson et al. (2016), arXiv:1603.08155.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from steadygan.common.errors import bad_value
from steadygan.core.declare import declare, nonnegative, signed_as
from steadygan.core.distances import l1
from steadygan.core.growing import enlarged
from steadygan.data.base import Dataset
from steadygan.metrics.features.classifier import classifier_for
from steadygan.metrics.features.inception import TRUNK, Inception
from steadygan.metrics.features.resizers import SIDE
from steadygan.metrics.fits import labelled

Maps = Callable[[Tensor], Sequence[Tensor]]
"""Images ``[B, C, S, S]`` in [-1, 1] to the activations of some layers, ``[B, ...]`` each; differentiable."""


def feature_loss(maps: Maps, made: Tensor, target: Tensor) -> Tensor:
    """Return the mean square difference of activations, ``[B]``: Johnson et al., eq. 2, its mean over the layers.

    Reference: Johnson et al. (2016), eq. 2, arXiv:1603.08155.
    """
    pairs = list(zip(maps(made), maps(target)))
    return reduce(torch.add, [(a - b).square().flatten(1).mean(1) for a, b in pairs]) / len(pairs)


class Perceptual:
    """A distance of images by the layers of a network that sees images of one size: smaller ones are enlarged to it.

    Args:
        maps: see ``Maps``; its network's parameters have no gradients.
        size: of the images that it sees.
        pixels: weight of L1 beside it.
    """

    def __init__(self, maps: Maps, size: int, pixels: float) -> None:
        self.maps, self.size, self.pixels = maps, size, pixels

    def __call__(self, made: Tensor, target: Tensor) -> Tensor:
        """Return ``[B]``."""
        large = [enlarged(x, self.size) for x in (made, target)]
        return feature_loss(self.maps, *large) + self.pixels * l1(made, target)


@signed_as("steadygan.metrics.perceptual.Feature")
@declare(pixels=nonnegative)
class Feature:
    """Which network's layers: what ``scheme/distance=feature`` instantiates to."""

    def __init__(
        self, features: str | nn.Module = "classifier", weights: str | None = None, pixels: float = 0.0
    ) -> None:
        if not isinstance(features, nn.Module) and features not in MAPS:
            raise bad_value("scheme.distance.features", features, "no such feature network", MAPS)
        self.features, self.weights, self.pixels = features, weights, pixels

    def check(self, dataset: Dataset) -> None:
        """Raise a ``UserError`` where the data have no labels to train a classifier on."""
        if isinstance(self.features, str) and self.features == "classifier":
            labelled("feature", dataset)

    def on(self, dataset: Dataset) -> Perceptual:
        """Return the distance for a data set; trains its classifier if need be."""
        if isinstance(self.features, nn.Module):
            maps = _of_module(self.features)
        else:
            maps = MAPS[self.features](dataset, self.weights)
        return Perceptual(maps, dataset.shape[-1], self.pixels)


def _of_module(module: nn.Module) -> Maps:
    network = _Placed(module)

    def maps(x: Tensor) -> Sequence[Tensor]:
        features = network.on(x)(x)
        return [features] if isinstance(features, Tensor) else list(features)

    return maps


def _of_classifier(dataset: Dataset, weights: str | None) -> Maps:
    trunk = _Placed(classifier_for(labelled("feature", dataset)).network.trunk)

    def maps(x: Tensor) -> list[Tensor]:
        features = []
        for layer in trunk.on(x).children():
            x = layer(x)
            if isinstance(layer, nn.ReLU) and x.ndim == 4:
                features.append(x)
        return features

    return maps


LAYERS = ("Conv2d_2b_3x3", "Conv2d_4a_3x3", "Mixed_5d", "Mixed_6e")
"""Of Inception: the last ones before it halves the images."""


def _of_inception(dataset: Dataset, weights: str | None) -> Maps:
    network = _Placed(Inception(weights).network)
    used = TRUNK[: TRUNK.index(LAYERS[-1]) + 1]

    def maps(x: Tensor) -> list[Tensor]:
        x = x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x
        x = F.interpolate(x, (SIDE, SIDE), mode="bilinear", align_corners=False)
        features = []
        for name in used:
            x = getattr(network.on(x), name)(x)
            features += [x] if name in LAYERS else []
        return features

    return maps


MAPS: dict[str, Callable[[Dataset, str | None], Maps]] = {"classifier": _of_classifier, "inception": _of_inception}


class _Placed:
    """A frozen module on any device in any dtype; each copy is made once."""

    def __init__(self, module: nn.Module) -> None:
        self._module = deepcopy(module).eval().requires_grad_(False)
        self._copies: dict[tuple[torch.device, torch.dtype], nn.Module] = {}

    def on(self, x: Tensor) -> nn.Module:
        if (x.device, x.dtype) not in self._copies:
            self._copies[x.device, x.dtype] = deepcopy(self._module).to(x.device, x.dtype)
        return self._copies[x.device, x.dtype]
