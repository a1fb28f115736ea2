"""scikit-learn's handwritten digits: 1797 real images of 8 x 8 pixels that need no download."""

import hashlib
from functools import lru_cache, partial

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from steadygan.core.declare import count, declare
from steadygan.data.memory import Examples, InMemory, resize
from steadygan.data.settings import one_of
from steadygan.data.variation import Variation, signed

SIZES = (8, 16, 32, 64)
TEST_SHARE = 0.2

LEVELS = 8.0
"""Grey levels a unit: 0 ... 16 are [-1, 1]."""


@declare(size=count, num_data=count)
class Digits(InMemory):
    """Images ``[1, size, size]`` in [-1, 1] with their ten classes: 1437 to train on and 360 to test with.

    The split is fixed and stratified by class. Sizes above 8 are bilinear enlargements. ``flip`` and ``dequantise`` are
    those of ``Variation``.
    """

    def __init__(
        self,
        size: int = 8,
        split: str = "train",
        num_data: int | None = None,
        flip: bool = False,
        dequantise: bool = False,
    ) -> None:
        size = one_of("size", size, SIZES)
        variation = Variation(flip, dequantise, LEVELS)
        super().__init__(partial(load, size=size), split, num_data, num_classes=10, variation=variation)

    @staticmethod
    def fingerprint(**config: object) -> dict[str, object]:
        """Return the config with the hash of the images, labels and split that this scikit-learn brings."""
        return {**signed(config), "sha256": _content()}


@lru_cache(maxsize=1)
def _arrays() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return each split's images ``[N, 8, 8]`` with values 0 ... 16, and its labels ``[N]``."""
    digits = load_digits()
    images, target = (getattr(digits, key) for key in ("images", "target"))
    train, test, train_labels, test_labels = map(
        np.asarray, train_test_split(images, target, test_size=TEST_SHARE, stratify=target, random_state=0)
    )
    return {"train": (train, train_labels), "test": (test, test_labels)}


def load(split: str, size: int) -> Examples:
    """Return the examples of a split, scaled from 0 ... 16 to [-1, 1]."""
    images, labels = _arrays()[split]
    x = torch.from_numpy(images / LEVELS - 1).to(torch.float32)[:, None]
    return resize(x, size), torch.from_numpy(labels.astype(np.int64))


@lru_cache(maxsize=1)
def _content() -> str:
    digest = hashlib.sha256()
    for images, labels in _arrays().values():
        digest.update(images.astype(np.uint8).tobytes() + labels.astype(np.uint8).tobytes())
    return digest.hexdigest()
