"""CIFAR-10's files: pickles of ``data [n, 3072]`` uint8 and ``labels`` (Krizhevsky 2009), read without running them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from steadygan.common.errors import UserError
from steadygan.data.sources.base import Payload, Source
from steadygan.data.sources.unpickle import load_arrays
from steadygan.data.storage.hashes import content

FOLDER = "cifar-10-batches-py"
FILES = {"train": tuple(f"data_batch_{number}" for number in range(1, 6)), "test": ("test_batch",)}
ALL = (*FILES["train"], *FILES["test"])


@dataclass(frozen=True)
class CIFAR10Source(Source[tuple[str, int]]):
    """The five files to train with and the one to test with, in ``folder``."""

    folder: Path

    @property
    def num_classes(self) -> int:
        return 10

    def content(self) -> str:
        return content(self.folder, ALL)

    def entries(self, split: str) -> list[tuple[str, int]]:
        """Return file and row."""
        return [(name, row) for name in FILES[split] for row in range(len(_file(self.folder / name)[1]))]

    def labels(self, split: str) -> np.ndarray:
        return np.concatenate([_file(self.folder / name)[1] for name in FILES[split]])

    def read(self, entries: Sequence[tuple[str, int]]) -> Iterator[tuple[str, Payload]]:
        for name, row in entries:
            yield f"{name}[{row}]", _file(self.folder / name)[0][row].reshape(3, 32, 32).transpose(1, 2, 0)


@lru_cache(maxsize=1)
def _file(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return ``[n, 3072]`` uint8, channel by channel, and ``[n]`` int64."""
    arrays = load_arrays(path)
    data, labels = map(arrays.get, (b"data", b"labels")) if isinstance(arrays, dict) else (None, None)
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != 3072:
        raise UserError(f"{path}: holds no `data` of bytes [n, 3072], as files of CIFAR-10 do")
    labels = np.asarray(labels)
    if labels.shape != (len(data),) or labels.dtype.kind not in "iu" or not ((labels >= 0) & (labels < 10)).all():
        raise UserError(f"{path}: its `labels` are not the classes 0 to 9 of its {len(data)} images")
    return data, labels.astype(np.int64)
