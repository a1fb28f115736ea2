"""A user's module as a feature network."""

import hashlib

import torch
from torch import Tensor, nn

from steadygan.common.errors import UserError, first_line
from steadygan.core.draws import generator
from steadygan.data.storage.frames import from_bytes
from steadygan.metrics.features.cache import content_hash
from steadygan.metrics.features.network import FeatureNetwork


class UserNetwork(FeatureNetwork):
    """A user's module: images ``[B, C, H, W]`` in [-1, 1] to features ``[B, d]``, or to features and logits.

    Features of more dimensions are flattened. One that fails, or gives no features, is a ``UserError``.

    Args:
        module: taken into evaluation mode, its parameters frozen.
        setting: the key that it comes from, for errors.
    """

    def __init__(
        self, module: nn.Module, shape: tuple[int, ...], dtype: str = "float32", setting: str = "features"
    ) -> None:
        super().__init__(dtype)
        self.module = module.eval().requires_grad_(False).to(self.weights_dtype)
        name = f"{type(module).__module__}.{type(module).__qualname__}"
        features = self._tried(f"{setting}={name}", shape)
        weights, structure = content_hash(module.state_dict()), hashlib.sha256(repr(module).encode()).hexdigest()
        # settings that appear in neither weights nor repr show in the features of an image
        self.key = content_hash({"features": features}, [name, weights, structure, dtype])
        self.num_features = features.shape[1]
        self.provenance = {
            "feature_network": name,
            "weights": weights[:16],
            "structure": structure[:16],
            "images": "clamped to [-1, 1], rounded to 8 bits, not resized",
            "dtype": dtype,
        }

    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return features and logits; where there are no logits, features twice."""
        with self.computing(images.device):
            made = self.module.to(images.device)(from_bytes(images, self.weights_dtype))
        features, logits = made if isinstance(made, tuple) else (made, made)
        return features.flatten(1), logits.flatten(1)

    def _tried(self, setting: str, shape: tuple[int, ...]) -> Tensor:
        """Return the features of two images of noise."""
        noise = torch.randint(0, 256, (2, *shape), generator=generator(0, "metric/own"), dtype=torch.uint8)
        try:
            features, logits = self.outputs(noise)
        except Exception as error:  # whatever a stranger's module raises
            raise UserError(f"{setting}: fails on images of the shape {list(shape)} ({first_line(error)})") from error
        if len(features) != 2 or len(logits) != 2 or not features.is_floating_point():
            got = f"{str(features.dtype).removeprefix('torch.')} {list(features.shape)}"
            raise UserError(f"{setting}: gives {got} for two images, and not their features [2, d]")
        return features
