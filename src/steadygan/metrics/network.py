"""What feature networks have in common: images in, features and logits out, each image seen once."""

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor

from steadygan.metrics.cache import content_hash
from steadygan.metrics.images import to_bytes

BLOCK = 500
"""Images that go through a network at once."""

_REMEMBERED = 128


class FeatureNetwork:
    """A frozen network, with its results of the last blocks of images, so that metrics share one pass.

    Not an ``nn.Module``: it should be neither in a metric's parameters nor in a checkpoint. Heirs say ``outputs``.

    Attributes:
        key: hash of all that its results depend on but the images.
        num_features: length of a feature vector.
        passport: what a score depends on through it, fit for JSON.
    """

    key: str
    num_features: int
    passport: dict[str, Any]

    def __init__(self) -> None:
        self._results: OrderedDict[str, tuple[Tensor, Tensor]] = OrderedDict()

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``[B, num_features]`` and logits ``[B, K]``, float64, on the device of ``x``.

        Args:
            x: images ``[B, C, H, W]`` in [-1, 1]; one that is not finite gives nan.
        """
        features, logits = (torch.cat(parts) for parts in zip(*(self._block(block) for block in x.split(BLOCK))))
        return features, logits

    def _block(self, x: Tensor) -> tuple[Tensor, Tensor]:
        images = to_bytes(x)
        name = content_hash({"images": images}, str(x.device))
        if name not in self._results:
            self._results[name] = self.outputs(images)
            if len(self._results) > _REMEMBERED:
                self._results.popitem(last=False)
        finite = x.flatten(1).isfinite().all(1)[:, None]
        features, logits = (torch.where(finite, result.double(), torch.nan) for result in self._results[name])
        return features, logits

    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features and logits of images ``[B, C, H, W]`` uint8, on their device."""
        raise TypeError(f"{type(self).__name__} does not say what it makes of images")
