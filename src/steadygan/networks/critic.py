"""Base of discriminators of images: features and a linear layer on them."""

from torch import Tensor, nn

from steadygan.networks.checks import logits


class Critic(nn.Module):
    """``x [B, C, S, S] -> logits [B]``, or ``[B, outputs]`` of more than one: a last layer on what a subclass's
    ``features(x) -> [B, num_features]`` makes.

    Attributes:
        linear: the kind of its last layer, ``linear(inputs, outputs, bias=True)``.
        num_features: of ``features``.
    """

    def end(self, linear: type[nn.Linear], num_features: int, outputs: int, bias: bool = True) -> nn.Linear:
        """Makes the last layer, in the place that it has among the draws of the weights."""
        self.linear, self.num_features = linear, num_features
        self.logit = linear(num_features, outputs, bias=bias)
        return self.logit

    def head(self, features: Tensor) -> Tensor:
        """Return the last layer, ``[B, num_features] -> [B, outputs]``."""
        return self.logit(features)

    def forward(self, x: Tensor) -> Tensor:
        return logits(self.head(self.features(x)))
