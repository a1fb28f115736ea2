"""Finite data held in memory: no workers, a batch is an index."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from steadygan.data.base import Batch
from steadygan.data.device_cache import DeviceCache
from steadygan.data.epochs import rows
from steadygan.data.settings import agreed, one_of
from steadygan.data.variation import Variation

SPLITS = ("train", "test")

Examples = tuple[Tensor, Tensor | None]
"""``x [N, *shape]`` float32, images in [-1, 1], and ``y [N]`` int64 where there are labels."""


class InMemory:
    """Examples in memory, moved to the training device once.

    The images are kept as float32 (188 MB for 60,000 of 28 x 28): a batch of 256 of them is gathered in 30 us on one
    CPU core, where converting from bytes each time takes 60 us.

    Args:
        load: ``load(split)`` gives the examples of ``"train"`` or ``"test"``; called once for each split asked for.
        num_data: how many examples that is, as other keys of a config may refer to it; checked. None: whatever
            there are.
        variation: what is drawn anew for each batch, of images; None: nothing.
    """

    def __init__(
        self,
        load: Callable[[str], Examples],
        split: str = "train",
        num_data: int | None = None,
        num_classes: int | None = None,
        variation: Variation | None = None,
    ) -> None:
        self._load = load
        self.variation = variation or Variation()
        self._splits: dict[str, Examples] = {}
        self.split = one_of("split", split, SPLITS)
        x, y = self.examples(self.split)
        self.shape = tuple(x.shape[1:])
        self.num_classes = num_classes
        self.num_data = agreed(num_data, len(x), self.split)
        self._x = DeviceCache(x)
        self._y = None if y is None else DeviceCache(y)

    def examples(self, split: str) -> Examples:
        """Return all examples of a split, on the CPU, in their fixed order; not to be written to."""
        split = one_of("split", split, SPLITS)
        if split not in self._splits:
            self._splits[split] = self._load(split)
        return self._splits[split]

    def batch(
        self, seed: int, stream: str, index: int, batch_size: int, device: torch.device | str, dtype: torch.dtype
    ) -> Batch:
        """See ``Dataset.batch``; without replacement within an epoch."""
        at = rows(self.num_data, seed, stream, index, batch_size, device)
        x = self._x.on(device, dtype).index_select(0, at)
        batch = {"x": self.variation(x, seed, stream, index), "index": at}
        if self._y is not None:
            batch["y"] = self._y.on(device, torch.int64).index_select(0, at)
        return batch


def resize(images: Tensor, size: int) -> Tensor:
    """Return ``[N, C, H, W]`` as ``[N, C, size, size]``: bilinear, pixel centres kept (``align_corners=False``).

    Antialiased where it shrinks; values stay within the range of the input.
    """
    if images.shape[-2:] == (size, size):
        return images
    smaller = size < images.shape[-1]
    return interpolate(images, (size, size), mode="bilinear", align_corners=False, antialias=smaller)
