"""Stacked MNIST: three digits as the channels of one image, 1,000 modes.

Reference: Metz et al. (2017), arXiv:1611.02163; Srivastava et al. (2017), arXiv:1705.07761.
"""

from dataclasses import replace

import torch
from torch import Tensor

from steadygan.core.declare import count, declare
from steadygan.core.draws import generator
from steadygan.data.base import Batch
from steadygan.data.device_cache import DeviceCache
from steadygan.data.epochs import rows
from steadygan.data.memory import SPLITS, InMemory
from steadygan.data.mnist import MNIST
from steadygan.data.settings import one_of, whole_number


class Stacked:
    """Images of three channels, each a random example of a set of grey images; a batch is gathered when asked for.

    Args:
        num_data: how many triples are drawn, the same ones in every run.
        flip, dequantise: see ``Variation``; an image is mirrored as a whole.
    """

    num_classes = None

    def __init__(self, digits: InMemory, num_data: int, flip: bool = False, dequantise: bool = False) -> None:
        self.digits, self.split = digits, digits.split
        self.num_data = whole_number("num_data", num_data)
        self.variation = replace(digits.variation, flip=flip, dequantise=dequantise)
        self.shape = (3, *digits.shape[1:])
        self._x = DeviceCache(digits.examples(self.split)[0])
        self._triples = DeviceCache(_triples(digits.num_data, self.num_data))

    def examples(self, split: str) -> tuple[Tensor, None]:
        """Make and return all triples of the split that is trained on; of the other as many as it has images."""
        x, _ = self.digits.examples(one_of("split", split, SPLITS))
        return _stack(x, _triples(len(x), self.num_data if split == self.split else len(x))), None

    def batch(
        self, seed: int, stream: str, index: int, batch_size: int, device: torch.device | str, dtype: torch.dtype
    ) -> Batch:
        """See ``Dataset.batch``; without replacement within an epoch."""
        at = rows(self.num_data, seed, stream, index, batch_size, device)
        triples = self._triples.on(device, torch.int64).index_select(0, at)
        x = _stack(self._x.on(device, dtype), triples)
        return {"x": self.variation(x, seed, stream, index), "index": at}


def _triples(of: int, number: int) -> Tensor:
    return torch.randint(of, (number, 3), generator=generator(0, "stacked/triples"))


def _stack(x: Tensor, triples: Tensor) -> Tensor:
    """Return ``[n, 3, H, W]`` of ``x [N, 1, H, W]`` and ``triples [n, 3]``."""
    return x[:, 0].index_select(0, triples.flatten()).unflatten(0, triples.shape)


@declare(size=count, num_data=count)
class StackedMNIST(Stacked):
    """Images ``[3, size, size]`` in [-1, 1] of MNIST's digits."""

    def __init__(
        self,
        root: str = "",
        size: int = 28,
        split: str = "train",
        download: bool = True,
        num_data: int = 128_000,
        flip: bool = False,
        dequantise: bool = False,
    ) -> None:
        super().__init__(MNIST(root, size, split, download), num_data, flip, dequantise)

    @staticmethod
    def fingerprint(root: str = "", download: bool = True, **config: object) -> dict[str, object]:
        """Return ``MNIST.fingerprint``."""
        return MNIST.fingerprint(root, download, **config)
