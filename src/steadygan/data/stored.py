"""Finite sets of images from files: decoded once, kept as bytes, on the device or on disk."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from steadygan.common.errors import UserError, bad_value
from steadygan.core.declare import fraction
from steadygan.data.base import Batch
from steadygan.data.device_cache import DeviceCache
from steadygan.data.epochs import rows
from steadygan.data.frames import Frames, from_levels
from steadygan.data.prefetch import Prefetch
from steadygan.data.preparing import CORRUPT, NAMED, prepared
from steadygan.data.settings import agreed, number, one_of, truth, whole_number
from steadygan.data.shards import Shards
from steadygan.data.sources.base import Source
from steadygan.data.sources.pixels import CROPS, FILTERS, View
from steadygan.data.variation import Variation

KEEPS = ("auto", "memory", "disk")

IN_MEMORY = 2**31
"""Bytes up to which images are kept in memory by ``keep=auto``: 174,000 of 64 x 64 in colour."""

UNSIGNED = ("root", "download", "num_data", "corrupt", "workers", "keep", "prefetch")
"""Keys that do not change what is trained on: where it lies, how it is held, and what is checked."""


@dataclass(eq=False)
class StoredImages(ABC):
    """Images ``[channels, size, size]`` in [-1, 1]; a subclass says its ``source`` and what its keys mean.

    Batches are gathered as bytes and become numbers on the device. ``flip`` and ``dequantise`` are part of a batch:
    what is drawn is a function of (seed, stream, index), like the rows, whichever process gathers them.

    Args:
        size: the side in pixels.
        crop: "none", "square" or a number of pixels; see ``View``.
        resize: the filter; one of ``FILTERS``.
        channels: 1 or 3.
        flip: mirror each image with probability 1/2.
        dequantise: add uniform noise of one grey level, half of it to each side: rounded, an image is what it was.
        split: what is trained on.
        num_data: how many examples that has to be; None: whatever there are.
        corrupt: "refuse" images that cannot be read, or "skip" them.
        workers: processes that decode; None: as many as there are cores.
        keep: "memory", "disk" or "auto".
        prefetch: gather the next batch from disk while this one is trained on.

    Raises:
        UserError: a key is none of its choices, files are missing or broken, or there are not ``num_data`` examples.
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
    def source(cls, **config: Any) -> Source:
        """Return the source that a config of this data set reads."""

    @classmethod
    def fingerprint(cls, **config: Any) -> dict[str, Any]:
        """Return the config with the hash of the files, without ``UNSIGNED``; fetches missing files as training
        would."""
        known = {field.name: field.default for field in fields(cls)}
        if unknown := set(config) - set(known):
            raise bad_value(f"dataset.{min(unknown)}", config[min(unknown)], "no such key", known)
        signed = {key: value for key, value in (known | config).items() if key not in UNSIGNED}
        with _readable():
            source = cls.source(**known | config)
            return {**signed, "sha256": source.content(), "labels_sha256": source.labels_content()}

    def __post_init__(self) -> None:
        self._check()
        settings = {field.name: getattr(self, field.name) for field in fields(self)}
        self._view = View(self.size, self.crop, self.resize, self.channels)
        self._told: dict[str, Shards] = {}
        with _readable():
            self._source = self.source(**settings)
            self.split = one_of("split", self.split, self._source.splits)
            self._shards = self._prepared(self.split)
        self.shape = self._view.shape
        self.num_classes = self._source.num_classes
        self.num_data = agreed(self.num_data, len(self._shards), self.split)
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
        self._told[split] = prepared(self._source, split, self._view, self.workers, self.corrupt)
        return self._told[split]

    @property
    def provenance(self) -> dict[str, Any]:
        """For each split used so far: number of ``images``, how many are ``left_out``, and ``such_as`` which."""
        return {
            split: {
                "images": len(shards),
                "left_out": len(shards.broken),
                "such_as": [f"{each.name}: {each.reason}" for each in shards.broken[:NAMED]],
            }
            for split, shards in self._told.items()
        }

    def _labels(self, split: str) -> Tensor | None:
        labels = self._source.labels(split)
        return None if labels is None else torch.from_numpy(labels[self._prepared(split).kept])

    def examples(self, split: str) -> tuple[Frames, Tensor | None]:
        """Return all examples of a split, on the CPU, in their fixed order: images to take rows of, and labels
        ``[N]``."""
        split = one_of("split", split, self._source.splits)
        return Frames(self._prepared(split)), self._labels(split)

    def batch(
        self, seed: int, stream: str, index: int, batch_size: int, device: torch.device | str, dtype: torch.dtype
    ) -> Batch:
        """See ``Dataset.batch``; without replacement within an epoch."""
        at = rows(self.num_data, seed, stream, index, batch_size, device)
        if self._x is not None:
            levels = self._x.on(device, torch.uint8).index_select(0, at)
        else:
            gather = self._lookahead if self.prefetch else self._gather
            levels = gather(seed, stream, index, batch_size).to(device, non_blocking=True)
        batch = {"x": self._varied(levels, seed, stream, index, dtype), "index": at}
        if self._y is not None:
            batch["y"] = self._y.on(device, torch.int64).index_select(0, at)
        return batch

    def _gather(self, seed: int, stream: str, index: int, batch_size: int) -> Tensor:
        """Bytes of a batch from disk; in memory that a GPU can fetch by itself, where there is one."""
        at = rows(self.num_data, seed, stream, index, batch_size).numpy().astype(np.int64)
        levels = torch.from_numpy(self._shards.gather(at))
        return levels.pin_memory() if torch.cuda.is_available() else levels

    def _varied(self, levels: Tensor, seed: int, stream: str, index: int, dtype: torch.dtype) -> Tensor:
        """Numbers in [-1, 1], as ``Variation`` has them; mirrored as bytes, which are fewer."""
        levels = self._variation.mirrored(levels, seed, stream, index)
        return self._variation.noisy(from_levels(levels, dtype), seed, stream, index)


@contextmanager
def _readable() -> Iterator[None]:
    """Report files that the system does not let us read as an error of the user."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{error.filename or 'the data'}: cannot be read ({error.strerror or error})") from error


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share(value: Any) -> float | None:
    """``test_share``: a part of the images that is set apart as the test split, where the files have none."""
    return None if value is None else number("test_share", value, fraction)


def named(key: str, value: Any, example: str) -> str:
    """Return a key that has to be given; raises UserError where it is empty."""
    if not value:
        raise UserError(f"dataset.{key}: has to be given, such as dataset.{key}={example}")
    return str(value)
