"""What a format offers to those who decode its images."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from steadygan.errors import UserError, bad_value
from steadygan.paths import data_dir

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
        """The same for labels that lie in files of their own."""
        return None

    @abstractmethod
    def entries(self, split: str) -> Sequence[Any]:
        """What ``read`` finds each image by; picklable.

        Raises:
            UserError: there are none.
        """

    def labels(self, split: str) -> np.ndarray | None:
        """Int64, one for each of ``entries``; None where there are none."""
        return None

    @abstractmethod
    def read(self, entries: Sequence[Any]) -> Iterator[tuple[str, Payload]]:
        """The name of each image, for messages, and its bytes."""


def place(root: str, name: str, holds: str) -> Path:
    """The folder ``name`` below the root of the data sets; or the root itself, where it already ``holds`` the files.

    Args:
        root: what ``dataset.root`` says; empty: ``STEADYGAN_DATA``, or ``data``.
        name: the folder's usual name.
        holds: a pattern that files or folders of this data set match.
    """
    base = Path(root).expanduser() if root else data_dir()
    return base if not (base / name).is_dir() and base.is_dir() and any(base.glob(holds)) else base / name


def read_file(path: Path) -> bytes | Exception:
    """The bytes, or why there are none."""
    try:
        return path.read_bytes()
    except OSError as error:
        return error


def set_apart(names: Sequence[str], share: float | None, split: str) -> np.ndarray:
    """Which of the examples belong to a split, where the data have but one: the rows, in order.

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
    """A number in [0, 1) that is the name's own."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64


def no_test_split() -> UserError:
    """The data have one split only."""
    problem = "the data have no test split, and none is set apart; a tenth of the examples: dataset.test_share=0.1"
    return bad_value("dataset.test_share", "null", problem)
