"""How the networks of the papers start."""

import math
from collections.abc import Callable
from typing import TypeVar

from torch import nn

from steadygan.networks.layers.spectral import SpectralConv2d, SpectralLinear

Layer = nn.Linear | nn.Conv2d | nn.ConvTranspose2d
L = TypeVar("L", bound=Layer)


def fans(layer: Layer) -> tuple[float, float]:
    """Return how many inputs a unit has, and how many units an input goes to."""
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    inputs, outputs, stride = layer.weight[0].numel(), layer.weight[:, 0].numel(), math.prod(layer.stride)
    return (inputs, outputs / stride) if isinstance(layer, nn.Conv2d) else (outputs / stride, inputs)


def _settled(layer: L) -> L:
    """Return the layer with biases 0, and with what follows from its weights as it is with these."""
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    if isinstance(layer, SpectralLinear | SpectralConv2d):
        layer.restart()
    return layer


def glorot(layer: L, gain: float = 1.0) -> L:
    """Return the layer with uniform weights of variance ``2 gain^2 / (fan in + fan out)``, biases 0.

    Where a layer has a stride its fan on the larger side is a share, as in the code of Gulrajani et al. (2017).

    Reference: Glorot and Bengio (2010); Gulrajani et al. (2017), arXiv:1704.00028.
    """
    bound = gain * math.sqrt(6 / sum(fans(layer)))
    nn.init.uniform_(layer.weight, -bound, bound)
    return _settled(layer)


def he(layer: L, gain: float = 1.0) -> L:
    """Return the layer with weights from N(0, gain^2 / fan in), biases 0.

    Reference: He et al. (2015), arXiv:1502.01852.
    """
    nn.init.normal_(layer.weight, std=gain / math.sqrt(fans(layer)[0]))
    return _settled(layer)


def normal(layer: L, std: float = 0.02) -> L:
    """Return the layer with weights from N(0, std^2), biases 0; the deviation is DCGAN's.

    Reference: Radford et al. (2016), section 4, arXiv:1511.06434.
    """
    nn.init.normal_(layer.weight, std=std)
    return _settled(layer)


def scaled(layer: L) -> L:
    """Return the layer with Glorot's weights, by a gain of sqrt(2) in convolutions.

    Reference: Gulrajani et al. (2017), arXiv:1704.00028.
    """
    return glorot(layer, 1.0 if isinstance(layer, nn.Linear) else math.sqrt(2))


STARTS: dict[str, Callable[[Layer], Layer]] = {"normal": normal, "glorot": scaled}
"""What the keys ``generator_start`` and ``discriminator_start`` may say."""


def begin(network: nn.Module, how: Callable[[Layer], Layer]) -> None:
    """Start every linear layer and convolution of a network anew."""
    for layer in network.modules():
        if isinstance(layer, Layer):
            how(layer)
