"""MNIST: 60,000 images of handwritten digits to train on, 10,000 to test with.

Reference: LeCun et al. (1998), doi:10.1109/5.726791.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from torch.nn.functional import pad

from steadygan.common.errors import UserError
from steadygan.common.paths import data_dir, expanded
from steadygan.core.declare import declare
from steadygan.data.content import file_hash
from steadygan.data.idx import read_idx
from steadygan.data.memory import Examples, InMemory
from steadygan.data.resize import resize
from steadygan.data.settings import count, one_of
from steadygan.data.sources.walk import mode_of
from steadygan.data.variation import Variation, signed

SIZES = (8, 16, 28, 32, 64)
PREFIX = {"train": "train", "test": "t10k"}
FILES = tuple(f"{prefix}-{kind}" for prefix in PREFIX.values() for kind in ("images-idx3-ubyte", "labels-idx1-ubyte"))


@declare(size=count, num_data=count)
class MNIST(InMemory):
    """Images ``[1, size, size]`` in [-1, 1] with their ten classes.

    Args:
        root: the folder of the data sets; the files lie in ``MNIST/raw`` below it, uncompressed, as torchvision
            leaves them. Empty: ``STEADYGAN_DATA``, or ``data``.
        size: 28 as they are; 32 with two pixels of background around; 8, 16 and 64 scaled from these 32.
        split: ``train`` or ``test``.
        download: fetch what is missing. With all files there the network is never asked.
        num_data: see ``InMemory``.
        flip, dequantise: see ``Variation``.

    Raises:
        UserError: files are missing and cannot be fetched, or one is unreadable, truncated or corrupt.
    """

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
    def fingerprint(root: str = "", download: bool = True, **config: Any) -> dict[str, Any]:
        """Return the config without its location, with the hash of each file; fetches missing files as training
        would."""
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
    reason = _fetch(base) if download else "dataset.download=false"
    missing = _missing(folder)
    if missing:
        raise UserError(
            f"MNIST: {', '.join(missing)} not found in {folder.absolute()} ({reason}).\n"
            f"Put the uncompressed files there, or name the folder that holds MNIST/raw by dataset.root=FOLDER or the "
            f"environment variable STEADYGAN_DATA; with a network, dataset.download=true fetches them."
        )
    return folder


def _missing(folder: Path) -> list[str]:
    return [name for name in FILES if mode_of(folder / name) is None]


def _fetch(base: Path) -> str:
    """Have torchvision download and unpack; one process at a time. Returns what went wrong, in one line."""
    from torchvision.datasets import MNIST as Published  # a second to import, for nothing where the files are there

    try:
        base.mkdir(parents=True, exist_ok=True)
        with FileLock(base / ".mnist.lock"):
            Published(base, download=True)
    except (OSError, RuntimeError) as error:
        return f"the download failed: {' '.join(str(error).split())}"
    return "the download left them out"


def load(split: str, folder: Path, size: int) -> Examples:
    """Return the examples of a split, scaled from 0 ... 255 to [-1, 1]."""
    files = {kind: folder / f"{PREFIX[split]}-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1")}
    images, labels = read_idx(files["images-idx3"], 3), read_idx(files["labels-idx1"], 1)
    if images.shape[1:] != (28, 28):
        raise UserError(f"{files['images-idx3']}: images of {images.shape[1:]} pixels where MNIST has 28 x 28")
    if len(labels) != len(images) or len(labels) == 0 or labels.max() > 9:
        raise UserError(f"{files['labels-idx1']}: not the labels 0 to 9 of the {len(images)} images beside it")
    x = torch.from_numpy(images.astype(np.float32)).div_(127.5).sub_(1)[:, None]
    return _sized(x, size), torch.from_numpy(labels.astype(np.int64))


def _sized(x: torch.Tensor, size: int) -> torch.Tensor:
    return x if size == 28 else resize(pad(x, (2, 2, 2, 2), value=-1.0), size)
