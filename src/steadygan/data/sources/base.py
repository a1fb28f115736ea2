"""The interface of an image format to the decoders."""

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from steadygan.common.errors import UserError, bad_value
from steadygan.common.paths import data_dir, expanded
from steadygan.data.sources.walk import is_absent, is_folder, reading, unreadable

Payload = bytes | np.ndarray | Exception
"""An encoded picture; pixels, uint8 ``[H, W, C]``; or why there are none."""


class Source(ABC):
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
        """A hash of all images of all splits and of what orders them, wherever the files lie."""

    def labels_content(self) -> str | None:
        """Return a hash of what the labels are and mean, as far as ``content`` does not tell it."""
        return None

    @abstractmethod
    def entries(self, split: str) -> Sequence[Any]:
        """Return the keys by which ``read`` finds each image; picklable.

        Raises:
            UserError: there are none.
        """

    def labels(self, split: str) -> np.ndarray | None:
        """Int64, one for each of ``entries``; None where there are none."""
        return None

    @abstractmethod
    def read(self, entries: Sequence[Any]) -> Iterator[tuple[str, Payload]]:
        """The name of each image, for messages, and its bytes."""


def data_folder(root: str, name: str, holds: str) -> Path:
    """Return the folder ``name`` below the root of the data sets; or the root itself, where it already ``holds`` the
    files.

    Args:
        root: what ``dataset.root`` says; empty: ``STEADYGAN_DATA``, or ``data``.
        name: the folder's usual name.
        holds: a pattern that files or folders of this data set match.
    """
    base = expanded("dataset.root", root) if root else data_dir()
    if is_folder(base / name) or not is_folder(base):
        return base / name
    with reading(base):
        return base if any(fnmatchcase(each, holds) for each in os.listdir(base)) else base / name


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

    An example is a test example if the hash of its name falls below ``share``: the same ones whatever is added.

    Raises:
        UserError: the test split is asked for, and nothing is set apart.
    """
    if share is None:
        if split == "test":
            raise no_test_split()
        return np.arange(len(names))
    test = np.array([_place_of(name) < share for name in names], dtype=bool)
    return np.flatnonzero(test if split == "test" else ~test)


def _place_of(name: str) -> float:
    """Return a number in [0, 1) that depends on the name alone."""
    return int.from_bytes(hashlib.sha256(os.fsencode(name)).digest()[:8], "big") / 2**64


def order_hash(values: Sequence[Any]) -> str:
    """Hash class names in the order of their labels: what a label means."""
    return hashlib.sha256(b"\0".join(os.fsencode(str(value)) for value in values)).hexdigest()


def no_test_split() -> UserError:
    """The data have one split only."""
    problem = "the data have no test split, and none is set apart; a tenth of the examples: dataset.test_share=0.1"
    return bad_value("dataset.test_share", "null", problem)
