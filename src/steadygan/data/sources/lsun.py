"""LSUN's LMDB databases (Yu et al. 2015): a folder for each category and split, an encoded picture for each key."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from steadygan.common.errors import UserError, bad_value
from steadygan.data.sources.base import Payload, Source
from steadygan.data.sources.walk import is_file, is_folder
from steadygan.data.storage.hashes import content

if TYPE_CHECKING:
    import lmdb

FOLDER = "lsun"
SUFFIX = {"train": "train_lmdb", "test": "val_lmdb"}
"""LSUN's test set has no categories; what one tests with is its validation set."""


@dataclass(frozen=True)
class LSUNSource(Source[tuple[str, bytes]]):
    """The pictures of some categories, one after the other, in the order of their keys; labels if there are several."""

    folder: Path
    categories: tuple[str, ...]

    @property
    def num_classes(self) -> int | None:
        return len(self.categories) if len(self.categories) > 1 else None

    def content(self) -> str:
        databases = [f"{name}_{suffix}" for name in self.categories for suffix in SUFFIX.values()]
        return content(self.folder, tuple(f"{name}/data.mdb" for name in databases if is_folder(self.folder / name)))

    def check(self, split: str) -> None:
        """Raise a ``UserError`` where a category is not there."""
        for name in self.categories:
            path = self.folder / f"{name}_{SUFFIX[split]}"
            if not is_file(path / "data.mdb"):
                available = [
                    folder.name.removesuffix(f"_{SUFFIX[split]}") for folder in self.folder.glob(f"*_{SUFFIX[split]}")
                ]
                problem = f"LSUN: no {path / 'data.mdb'}; unpack {path.name}.zip of LSUN there, or name by dataset.root"
                raise bad_value("dataset.categories", name, f"{problem}=FOLDER the folder that holds lsun/", available)

    def entries(self, split: str) -> list[tuple[str, bytes]]:
        """Return database and key."""
        self.check(split)
        names = [f"{name}_{SUFFIX[split]}" for name in self.categories]
        return [(name, key) for name in names for key in _keys(self.folder / name)]

    def labels(self, split: str) -> np.ndarray | None:
        if self.num_classes is None:
            return None
        self.check(split)
        counts = [len(_keys(self.folder / f"{name}_{SUFFIX[split]}")) for name in self.categories]
        return np.repeat(np.arange(len(counts)), counts)

    def read(self, entries: Sequence[tuple[str, bytes]]) -> Iterator[tuple[str, Payload]]:
        for name, key in entries:
            database = _opened(self.folder / name)
            with _sound(self.folder / name), database.begin(buffers=False) as transaction:
                value = transaction.get(key)
            yield f"{name}[{key.decode(errors='replace')}]", KeyError("no such key") if value is None else value


@lru_cache(maxsize=8)
def _opened(path: Path) -> "lmdb.Environment":
    try:
        import lmdb
    except ImportError as error:
        raise UserError("dataset=lsun needs lmdb: pip install 'steadygan[data]'") from error
    with _sound(path):
        return lmdb.open(str(path), readonly=True, lock=False, readahead=False, meminit=False)


@contextmanager
def _sound(path: Path) -> Iterator[None]:
    import lmdb

    try:
        yield
    except lmdb.Error as error:
        raise UserError(f"{path}: not an LMDB database, or damaged ({error})") from error


@lru_cache(maxsize=8)
def _keys(path: Path) -> tuple[bytes, ...]:
    database = _opened(path)
    with _sound(path), database.begin() as transaction:
        return tuple(transaction.cursor().iternext(keys=True, values=False))
