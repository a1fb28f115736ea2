"""Feature networks: images in, features and logits out, each image computed once."""

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from steadygan.common.errors import bad_value
from steadygan.data.storage.frames import to_bytes
from steadygan.metrics.base import Provenance
from steadygan.metrics.features.cache import content_hash

DTYPES = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.bfloat16}
"""What a network computes in; bfloat16 is autocast, with float32 weights."""

_REMEMBERED = 64_000
"""Images."""


class FeatureNetwork(ABC):
    """A frozen network, with its results of the last blocks of images, so that metrics share one pass.

    Not an ``nn.Module``: it should be neither in a metric's parameters nor in a checkpoint.

    Attributes:
        key: hash of all that its results depend on but the images.
        provenance: what a score depends on through it, fit for JSON.
        block: images that go through it at once.
    """

    key: str
    num_features: int
    provenance: Provenance
    block = 100

    def __init__(self, dtype: str = "float32") -> None:
        if dtype not in DTYPES:
            raise bad_value("dtype", dtype, "no such type", DTYPES)
        self.dtype = DTYPES[dtype]
        self._results: OrderedDict[str, tuple[Tensor, Tensor]] = OrderedDict()

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return features ``[B, num_features]`` and logits ``[B, K]``, float64, on the device of ``x``.

        Args:
            x: images ``[B, C, H, W]`` in [-1, 1]; one that is not finite gives nan.
        """
        features, logits = (torch.cat(parts)[: len(x)] for parts in zip(*map(self._block, blocks(x, self.block))))
        return features, logits

    @property
    def weights_dtype(self) -> torch.dtype:
        """Dtype of its parameters."""
        return torch.float64 if self.dtype is torch.float64 else torch.float32

    @contextmanager
    def computing(self, device: torch.device) -> Iterator[None]:
        """Compute without gradients, in the dtype of the network whatever the caller has set."""
        low = self.dtype is torch.bfloat16
        with torch.no_grad(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=low):
            yield

    def _block(self, x: Tensor) -> tuple[Tensor, Tensor]:
        images = to_bytes(x)
        name = content_hash({"images": images}, str(x.device))
        if name not in self._results:
            self._results[name] = self.outputs(images)
            if len(self._results) * self.block > _REMEMBERED:
                self._results.popitem(last=False)
        finite = x.flatten(1).isfinite().all(1)[:, None]
        features, logits = (torch.where(finite, result.double(), torch.nan) for result in self._results[name])
        return features, logits

    @abstractmethod
    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return features and logits of images ``[B, C, H, W]`` uint8, on their device."""


def blocks(x: Tensor, size: int) -> Iterator[Tensor]:
    """Yield ``x [B, ...]`` in blocks of the same length, the last one filled up with zeros.

    What a library makes of an image may depend, by rounding, on how many go with it: so it is the same however the
    images are shared out over processes.
    """
    for block in x.split(size):
        missing = size - len(block)
        yield torch.cat([block, block.new_zeros(missing, *block.shape[1:])]) if missing else block
