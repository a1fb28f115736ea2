"""What the networks of images share."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from steadygan.networks.layers.resampling import square

Linear = type[nn.Linear]
"""A kind of linear layers: ``linear(inputs, outputs, bias=True)``."""


def logits(outputs: Tensor) -> Tensor:
    """Return ``[B]`` of a discriminator's outputs ``[B, 1]``; of more than one they are left as they are."""
    return outputs.squeeze(1) if outputs.shape[1] == 1 else outputs


class ImageGenerator(nn.Module):
    """``z [B, latent] -> x [B, C, S, S]`` in [-1, 1], S a power of two from 8 to 256.

    A subclass makes ``project``, a linear layer to 4 x 4 pixels, and ``layers`` from there to the image.

    Args:
        shape: ``(C, S, S)``.
        norm: one of ``NORMS``.
        classes: the norm has a scale and a shift for each; ``forward`` then takes one-hot codes as well.
    """

    told: ClassVar[bool] = True
    latent: int
    project: nn.Module
    layers: nn.Module

    def forward(self, z: Tensor, code: Tensor | None = None) -> Tensor:
        return self.output(self.layers(square(self.project(z)), code))

    def output(self, x: Tensor) -> Tensor:
        """Return the image of what the last layer gives."""
        return torch.tanh(x)


class Critic(nn.Module):
    """``x [B, C, S, S] -> logits [B]``, or ``[B, outputs]`` of more than one; S a power of two from 8 to 256.

    A last layer on the features that a subclass's ``layers`` make.

    Args:
        shape: ``(C, S, S)``.
        norm: one of ``NORMS``.
        spectral_norm: divide every layer's weight by its largest singular value (Miyato et al. 2018).
    """

    linear: Linear
    num_features: int
    layers: nn.Module
    logit: nn.Linear

    def end(self, linear: Linear, num_features: int, outputs: int, bias: bool = True) -> nn.Linear:
        """Make the last layer, in the place that it has among the draws of the weights."""
        self.linear, self.num_features = linear, num_features
        self.logit = linear(num_features, outputs, bias=bias)
        return self.logit

    def features(self, x: Tensor) -> Tensor:
        """Return ``[B, num_features]``: what the last layer sees."""
        return self.layers(x).flatten(1)

    def head(self, features: Tensor) -> Tensor:
        """Return the last layer, ``[B, num_features] -> [B, outputs]``."""
        return self.logit(features)

    def forward(self, x: Tensor) -> Tensor:
        return logits(self.head(self.features(x)))
