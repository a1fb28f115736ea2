"""Finite sets of images from files: decoded once, kept as bytes, on the device or on disk."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, fields

import numpy as np
import torch
from torch import Tensor

from steadygan.common.errors import UserError, bad_value
from steadygan.config.node import Config
from steadygan.core.declare import count, declare
from steadygan.data.base import Batch
from steadygan.data.device_cache import DeviceCache
from steadygan.data.epochs import rows
from steadygan.data.settings import agreed, one_of, truth, whole_number
from steadygan.data.sources.base import Source
from steadygan.data.sources.pixels import CROPS, FILTERS, View
from steadygan.data.storage.frames import Frames, from_bytes
from steadygan.data.storage.prefetch import Prefetch
from steadygan.data.storage.preparing import CORRUPT, NAMED, prepared
from steadygan.data.storage.shards import Shards
from steadygan.data.variation import Variation

KEEPS = ("auto", "memory", "disk")

IN_MEMORY = 2**31
"""Bytes up to which images are kept in memory by ``keep=auto``: 174,000 of 64 x 64 in colour."""

UNSIGNED = ("root", "download", "num_data", "corrupt", "workers", "keep", "prefetch")
"""Keys that do not change what is trained on: where it lies, how it is held, and what is checked."""


@declare(size=count, channels=count)
@dataclass(eq=False)
class StoredImages(ABC):
    """Images ``[channels, size, size]`` in [-1, 1]; a subclass says its ``source`` and what its keys mean.

    Batches are gathered as bytes and become numbers on the device. ``flip`` and ``dequantise`` are part of a batch:
    what is drawn is a function of (seed, stream, index), like the rows, whichever process gathers them.
    """

    _: KW_ONLY
    size: int = 64
    crop: str | int = "square"
    resize: str = "lanczos"
    channels: int = 3
    flip: bool = False
    dequantise: bool = False
    split: str = "train"
    num_data: int | None = None
    corrupt: str = "refuse"
    workers: int | None = None
    keep: str = "auto"
    prefetch: bool = True

    @classmethod
    @abstractmethod
    def source(cls, config: Config) -> Source:
        """Return the source that a config of this data set reads, with all its keys."""

    @classmethod
    def fingerprint(cls, **config: object) -> dict[str, object]:
        """Return the config with the hash of the files, without ``UNSIGNED``; fetches missing files."""
        known = {field.name: field.default for field in fields(cls)}
        if unknown := set(config) - set(known):
            raise bad_value(f"dataset.{min(unknown)}", config[min(unknown)], "no such key", known)
        signed = {key: value for key, value in (known | config).items() if key not in UNSIGNED}
        with _readable():
            source = cls.source(known | config)
            return {**signed, "sha256": source.content(), "labels_sha256": source.labels_content()}

    def __post_init__(self) -> None:
        self._check()
        settings = {field.name: getattr(self, field.name) for field in fields(self)}
        self._view = View(self.size, self.crop, self.resize, self.channels)
        self._used: dict[str, Shards] = {}
        with _readable():
            self._source = self.source(settings)
            self.split = one_of("split", self.split, self._source.splits)
            self._shards = self._prepared(self.split)
        self.shape = self._view.shape
        self.num_classes = self._source.num_classes
        self.num_data = self._count = agreed(self.num_data, len(self._shards), self.split)
        self.in_memory = self.keep == "memory" or (self.keep == "auto" and self._shards.nbytes <= IN_MEMORY)
        self._x = DeviceCache(torch.from_numpy(self._shards.all())) if self.in_memory else None
        labels = self._labels(self.split)
        self._y = None if labels is None else DeviceCache(labels)
        self._lookahead = Prefetch(self._gather)

    def _check(self) -> None:
        self.size = whole_number("size", self.size)
        self.crop = "none" if self.crop is None else self.crop
        self.crop = one_of("crop", self.crop, CROPS) if isinstance(self.crop, str) else whole_number("crop", self.crop)
        self.resize = one_of("resize", self.resize, FILTERS)
        self.channels = one_of("channels", self.channels, (1, 3))
        self.corrupt = one_of("corrupt", self.corrupt, CORRUPT)
        self.keep = one_of("keep", self.keep, KEEPS)
        self.prefetch = truth("prefetch", self.prefetch)
        self._variation = Variation(self.flip, self.dequantise)
        self.workers = _cores() if self.workers is None else whole_number("workers", self.workers)

    def _prepared(self, split: str) -> Shards:
        self._used[split] = prepared(self._source, split, self._view, self.workers or 1, self.corrupt)
        return self._used[split]

    @property
    def provenance(self) -> dict[str, object]:
        """For each split used so far: number of ``images``, how many are ``left_out``, and ``such_as`` which."""
        return {
            split: {
                "images": len(shards),
                "left_out": len(shards.broken),
                "such_as": [f"{each.name}: {each.reason}" for each in shards.broken[:NAMED]],
            }
            for split, shards in self._used.items()
        }

    def _labels(self, split: str) -> Tensor | None:
        labels = self._source.labels(split)
        return None if labels is None else torch.from_numpy(labels[self._prepared(split).kept])

    def examples(self, split: str) -> tuple[Frames, Tensor | None]:
        """Return a split on the CPU, in its fixed order: images to take rows of, and labels ``[N]``."""
        split = one_of("split", split, self._source.splits)
        return Frames(self._prepared(split)), self._labels(split)

    def batch(
        self, seed: int, stream: str, index: int, batch_size: int, device: torch.device | str, dtype: torch.dtype
    ) -> Batch:
        """See ``Dataset.batch``; without replacement within an epoch."""
        at = rows(self._count, seed, stream, index, batch_size, device)
        if self._x is not None:
            levels = self._x.on(device, torch.uint8).index_select(0, at)
        else:
            gather = self._lookahead if self.prefetch else self._gather
            levels = gather(seed, stream, index, batch_size).to(device, non_blocking=True)
        levels = self._variation.mirrored(levels, seed, stream, index)  # as bytes, which are fewer
        batch = {"x": self._variation.noisy(from_bytes(levels, dtype), seed, stream, index), "index": at}
        if self._y is not None:
            batch["y"] = self._y.on(device, torch.int64).index_select(0, at)
        return batch

    def _gather(self, seed: int, stream: str, index: int, batch_size: int) -> Tensor:
        """Bytes of a batch from disk; in memory that a GPU can fetch by itself, where there is one."""
        at = rows(self._count, seed, stream, index, batch_size).numpy().astype(np.int64)
        levels = torch.from_numpy(self._shards.gather(at))
        return levels.pin_memory() if torch.cuda.is_available() else levels


@contextmanager
def _readable() -> Iterator[None]:
    """Report files that the system does not let us read as an error of the user."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{error.filename or 'the data'}: cannot be read ({error.strerror or error})") from error


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
