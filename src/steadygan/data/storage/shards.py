"""Pictures decoded once: bytes ``[n, C, H, W]`` in ``.npy`` files that are read where they lie (memory-mapped)."""

import json
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

INDEX = "index.json"

OPEN = 256
"""Files mapped at a time; a process may not have any number of them."""


class Broken(NamedTuple):
    """A picture that could not be decoded: its row in the source, its name, why, and whether there was no file."""

    row: int
    name: str
    reason: str
    absent: bool = False


class Shards:
    """The pictures of one split, in order, without the broken ones.

    Attributes:
        content: a name of their bytes; the same name, the same bytes.
        shape: of one picture, ``(C, H, W)``.
    """

    def __init__(self, folder: Path) -> None:
        index = json.loads((folder / INDEX).read_text())
        self.folder, self.content = folder, folder.name
        channels, height, width = index["shape"]
        self.shape = (channels, height, width)
        self.rows: int = index["rows"]
        self.broken = [Broken(*each) for each in index["broken"]]
        self._starts = np.cumsum([0, *index["counts"]])
        self._maps: OrderedDict[int, np.ndarray] = OrderedDict()

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def nbytes(self) -> int:
        """Bytes of all images."""
        return len(self) * int(np.prod(self.shape))

    @property
    def kept(self) -> np.ndarray:
        """The rows of the source that are here, in order."""
        return np.delete(np.arange(self.rows), [each.row for each in self.broken])

    def gather(self, rows: np.ndarray) -> np.ndarray:
        """Return bytes ``[n, C, H, W]`` of rows ``[n]``."""
        gathered = np.empty((len(rows), *self.shape), dtype=np.uint8)
        shards = np.searchsorted(self._starts, rows, side="right") - 1
        for shard in np.unique(shards):
            chosen = shards == shard
            gathered[chosen] = self._map(int(shard))[rows[chosen] - self._starts[shard]]
        return gathered

    def all(self) -> np.ndarray:
        """Return all images, in memory."""
        return self.gather(np.arange(len(self)))

    def _map(self, shard: int) -> np.ndarray:
        # a local name, and no step between asking and having: batches are gathered by several threads
        mapped = self._maps.pop(shard, None)
        if mapped is None:
            mapped = np.load(shard_path(self.folder, shard), mmap_mode="r", allow_pickle=False)
        self._maps[shard] = mapped
        while len(self._maps) > OPEN:
            self._maps.popitem(last=False)
        return mapped

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_maps": OrderedDict()}


def shard_path(folder: Path, shard: int) -> Path:
    """Return the path of a shard's images; the ``.json`` beside it lists broken files and is written last."""
    return folder / f"{shard:05d}.npy"


def read_shard(folder: Path, shard: int, shape: tuple[int, ...], rows: int) -> list[Broken] | None:
    """Return the broken files of a shard of ``rows``; None where the shard is incomplete or files were missing.

    A file that was missing may have been taken away for a moment only.
    """
    path = shard_path(folder, shard)
    try:
        broken = [Broken(*each) for each in json.loads(path.with_suffix(".json").read_text())["broken"]]
        images = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None
    if any(each.absent for each in broken):
        return None
    complete = images.dtype == np.uint8 and images.shape == (rows - len(broken), *shape)
    return broken if complete else None


def spans(rows: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield where the shards of ``size`` rows begin and end."""
    for start in range(0, rows, size):
        yield start, min(start + size, rows)
