"""The interface of an image format to the decoders."""

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from filelock import FileLock

from steadygan.common.errors import UserError, bad_value
from steadygan.common.paths import data_dir, expanded
from steadygan.data.sources.walk import is_absent, is_folder, reading, unreadable

NONE = "none"
"""In the place of the labels' name: there are none."""

TEST_NAMES = ("test", "val", "valid", "validation")

Payload = bytes | np.ndarray | Exception
"""An encoded picture; pixels, uint8 ``[H, W, C]``; or why there are none."""

E = TypeVar("E")
"""The key by which an image is read; picklable."""


class Source(ABC, Generic[E]):
    """The images of a data set on disk; a frozen dataclass: small, hashable, sent to worker processes.

    The splits' images have a fixed order, that of their names or keys. ``num_classes`` is None without labels.
    """

    splits: tuple[str, ...] = ("train", "test")

    @property
    def num_classes(self) -> int | None:
        """How many values labels take."""
        return None

    @abstractmethod
    def content(self) -> str:
        """Return a hash of all images of all splits and of what orders them, wherever the files lie."""

    def labels_content(self) -> str | None:
        """Return a hash of what the labels are and mean, as far as ``content`` does not tell it."""
        return None

    @abstractmethod
    def entries(self, split: str) -> Sequence[E]:
        """Return the keys by which ``read`` finds each image; a ``UserError`` if there are none."""

    def labels(self, split: str) -> np.ndarray | None:
        """Return int64, one for each of ``entries``; None where there are none."""
        return None

    @abstractmethod
    def read(self, entries: Sequence[E]) -> Iterator[tuple[str, Payload]]:
        """Yield the name of each image, for messages, and its bytes."""


def data_folder(root: str, name: str, holds: str) -> Path:
    """Return the folder ``name`` below the root of the data sets; or the root itself, if it ``holds`` the files.

    The root is what ``dataset.root`` says; empty: ``STEADYGAN_DATA``, or ``data``. ``holds`` is a pattern.
    """
    base = expanded("dataset.root", root) if root else data_dir()
    if is_folder(base / name) or not is_folder(base):
        return base / name
    with reading(base):
        return base if any(fnmatchcase(each, holds) for each in os.listdir(base)) else base / name


def download_once(lock: Path, fetch: Callable[[], object]) -> str:
    """Fetch what is missing, one process at a time, and return what went wrong, in one line."""
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock):
            fetch()
    except (OSError, RuntimeError, EOFError) as error:
        return f"the download failed: {' '.join(str(error).split())}"
    return "the download left them out"


def read_file(path: Path) -> bytes | Exception:
    """Return the bytes, or the error that says that there is no such file.

    Raises:
        UserError: it is there and cannot be read, which nobody may remember of it.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        if is_absent(error):
            return error
        raise unreadable(path, error) from error
    except ValueError as error:  # a NUL in the name that a table's cell says
        return error


def set_apart(names: Sequence[str], share: float | None, split: str) -> np.ndarray:
    """Return which of the examples belong to a split, where the data have but one: the rows, in order.

    An example is a test example if the hash of its name falls below ``share``: the same ones whatever is added. A test
    split that is asked for where nothing is set apart is a ``UserError``.
    """
    if share is None:
        if split == "test":
            problem = "the data have no test split, and none is set apart; a tenth of the examples"
            raise bad_value("dataset.test_share", "null", f"{problem}: dataset.test_share=0.1")
        return np.arange(len(names))
    hashes = (int.from_bytes(hashlib.sha256(os.fsencode(name)).digest()[:8], "big") for name in names)
    test = np.array([number / 2**64 < share for number in hashes], dtype=bool)
    return np.flatnonzero(test if split == "test" else ~test)


def order_hash(values: Sequence[object]) -> str:
    """Hash class names in the order of their labels: what a label means."""
    return hashlib.sha256(b"\0".join(os.fsencode(str(value)) for value in values)).hexdigest()


def empty(where: object, split: str) -> UserError:
    """Return the error for a split without rows."""
    return UserError(f"{where}: no rows in it for the split {split}")
