"""MNIST: 60,000 images of handwritten digits to train on, 10,000 to test with.

Reference: LeCun et al. (1998), doi:10.1109/5.726791.
"""

import math
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import pad

from steadygan.common.errors import UserError
from steadygan.common.paths import data_dir, expanded
from steadygan.core.declare import count, declare
from steadygan.data.memory import Examples, InMemory, resize
from steadygan.data.settings import one_of
from steadygan.data.sources.base import download_once
from steadygan.data.sources.walk import mode_of
from steadygan.data.variation import Variation, signed
from steadygan.runs.files import file_hash

SIZES = (8, 16, 28, 32, 64)
PREFIX = {"train": "train", "test": "t10k"}
FILES = tuple(f"{prefix}-{kind}" for prefix in PREFIX.values() for kind in ("images-idx3-ubyte", "labels-idx1-ubyte"))
UNSIGNED_BYTE = 0x08


@declare(size=count, num_data=count)
class MNIST(InMemory):
    """Images ``[1, size, size]`` in [-1, 1] with their ten classes."""

    def __init__(
        self,
        root: str = "",
        size: int = 28,
        split: str = "train",
        download: bool = True,
        num_data: int | None = None,
        flip: bool = False,
        dequantise: bool = False,
    ) -> None:
        folder = raw_folder(root, download)
        size = one_of("size", size, SIZES)
        reader, variation = partial(load, folder=folder, size=size), Variation(flip, dequantise)
        super().__init__(reader, split, num_data, num_classes=10, variation=variation)

    @staticmethod
    def fingerprint(root: str = "", download: bool = True, **config: object) -> dict[str, object]:
        """Return the config with the hash of each file in place of where they lie; fetches missing files."""
        folder = raw_folder(root, download)
        try:
            return {**signed(config), "sha256": {name: file_hash(folder / name) for name in FILES}}
        except OSError as error:
            raise UserError(f"{error.filename}: cannot be read ({error.strerror})") from error


def raw_folder(root: str, download: bool) -> Path:
    """Return the folder that holds all ``FILES``, fetched now if need be and allowed."""
    base = expanded("dataset.root", root) if root else data_dir()
    folder = base / "MNIST" / "raw"
    if not _missing(folder):
        return folder
    reason = download_once(base / ".mnist.lock", lambda: _fetch(base)) if download else "dataset.download=false"
    if missing := _missing(folder):
        raise UserError(
            f"MNIST: {', '.join(missing)} not found in {folder.absolute()} ({reason}).\n"
            f"Put the uncompressed files there, or name the folder that holds MNIST/raw by dataset.root=FOLDER or the "
            f"environment variable STEADYGAN_DATA; with a network, dataset.download=true fetches them."
        )
    return folder


def _missing(folder: Path) -> list[str]:
    return [name for name in FILES if mode_of(folder / name) is None]


def _fetch(base: Path) -> None:
    from torchvision.datasets import MNIST as Published  # a second to import, for nothing where the files are there

    Published(base, download=True)


def load(split: str, folder: Path, size: int) -> Examples:
    """Return the examples of a split, scaled from 0 ... 255 to [-1, 1]."""
    files = {kind: folder / f"{PREFIX[split]}-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1")}
    images, labels = read_idx(files["images-idx3"], 3), read_idx(files["labels-idx1"], 1)
    if images.shape[1:] != (28, 28):
        raise UserError(f"{files['images-idx3']}: images of {images.shape[1:]} pixels where MNIST has 28 x 28")
    if len(labels) != len(images) or len(labels) == 0 or labels.max() > 9:
        raise UserError(f"{files['labels-idx1']}: not the labels 0 to 9 of the {len(images)} images beside it")
    x = torch.from_numpy(images.astype(np.float32)).div_(127.5).sub_(1)[:, None]
    x = x if size == 28 else resize(pad(x, (2, 2, 2, 2), value=-1.0), size)
    return x, torch.from_numpy(labels.astype(np.int64))


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Return the bytes of an IDX file: a big-endian header (magic number, extents), then the array."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    header = 4 * (1 + dimensions)
    if len(content) < header:
        raise _corrupt(path, f"{len(content)} bytes, shorter than its header")
    magic, *extents = np.frombuffer(content, dtype=">u4", count=1 + dimensions).tolist()
    if magic != UNSIGNED_BYTE << 8 | dimensions:
        raise _corrupt(path, f"not an IDX file of bytes in {dimensions} dimensions (magic number {magic:#010x})")
    if len(content) != header + math.prod(extents):
        raise _corrupt(path, f"{len(content)} bytes, but its header says {header + math.prod(extents)}")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(extents)


def _corrupt(path: Path, problem: str) -> UserError:
    return UserError(f"{path}: truncated or corrupt ({problem}). Delete it and put a whole copy in its place.")
