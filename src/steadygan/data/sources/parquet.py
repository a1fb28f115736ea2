"""Local parquet files with a column of pictures, as Hugging Face's hub serves them."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from steadygan.common.errors import UserError
from steadygan.data.sources.base import NONE, TEST_NAMES, Payload, empty, set_apart
from steadygan.data.sources.tables import Labels, TableSource, as_labels, known_column, paths, payload
from steadygan.data.sources.walk import below, is_file, is_folder
from steadygan.data.storage.hashes import content

if TYPE_CHECKING:
    import pyarrow
    from pyarrow import parquet

Entry = tuple[str, int, int]
"""File, row group, row in it."""


@dataclass(frozen=True)
class ParquetSource(TableSource[Entry]):
    """The rows of one file, or of all files below a folder, in the order of their paths.

    Files whose name, or a folder on their way, begins with the name of a split (``train-00000-of-00002.parquet``)
    belong to it, if there are files of both splits.
    """

    root: Path
    column: str = "image"
    label: str = NONE
    test_share: float | None = None

    @property
    def folder(self) -> Path:
        """The folder that names are relative to."""
        return self.root.parent if is_file(self.root) else self.root

    def content(self) -> str:
        """Return the hash of the tables and of the files that their cells name."""
        return content(self.folder, self._files() + _named(self.folder, self._files(), self.column))

    def entries(self, split: str) -> list[Entry]:
        rows, every = self._rows(split), _rows(self.folder, self._files(), self.column)
        if not len(rows):
            raise empty(self.root, split)
        return [every[row] for row in rows]

    def labels(self, split: str) -> np.ndarray | None:
        return None if self.label == NONE else self._labels()[0][self._rows(split)]

    def read(self, entries: Sequence[Entry]) -> Iterator[tuple[str, Payload]]:
        for (name, group), rows in groupby(entries, key=lambda entry: entry[:2]):
            column = _row_group(self.folder / name, group, self.column)
            for _, _, row in rows:
                yield f"{self.folder / name}[{group}, {row}]", payload(column[row].as_py(), (self.folder / name).parent)

    def _files(self) -> tuple[str, ...]:
        return files(self.root)

    def _labels(self) -> Labels:
        return _labels(self.folder, self._files(), self.label)

    def _rows(self, split: str) -> np.ndarray:
        """Return the split's, among all rows."""
        every = _rows(self.folder, self._files(), self.column)
        kinds = {name: split_of(name) for name in self._files()}
        if {"train", "test"} <= set(kinds.values()):
            return np.array([row for row, (name, *_) in enumerate(every) if kinds[name] == split], dtype=np.int64)
        return set_apart([f"{name}/{group}/{row}" for name, group, row in every], self.test_share, split)


def split_of(name: str) -> str | None:
    """Return the split that a file's name says."""
    words = [re.split(r"[-_.]", part)[0].lower() for part in name.split("/")]
    if "train" in words:
        return "train"
    return "test" if any(word in TEST_NAMES for word in words) else None


@lru_cache(maxsize=16)
def files(root: Path) -> tuple[str, ...]:
    """Return the names of the files, sorted.

    Of a test and a validation split the first is what one tests with, and the other is left out.
    """
    if is_file(root):
        return (root.name,)
    names = below(root, (".parquet",)) if is_folder(root) else ()
    if not names:
        raise UserError(f"{root}: neither a parquet file nor a folder with any; name one by dataset.root=PLACE")
    test = [name for name in names if any(re.split(r"[-_.]", part)[0].lower() == "test" for part in name.split("/"))]
    return tuple(name for name in names if not test or split_of(name) != "test" or name in test)


@lru_cache(maxsize=16)
def _opened(path: Path) -> "parquet.ParquetFile":
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise UserError("dataset=parquet needs pyarrow: pip install 'steadygan[data]'") from error
    with _sound(path):
        return pyarrow.parquet.ParquetFile(path)


@contextmanager
def _sound(path: Path) -> Iterator[None]:
    import pyarrow

    try:
        yield
    except UnicodeError as error:
        raise UserError(f"{path}: pyarrow opens no file whose name is not UTF-8; rename it") from error
    except (OSError, pyarrow.ArrowException) as error:
        raise UserError(f"{path}: not a parquet file, or damaged ({error})") from error


def _row_group(path: Path, group: int, column: str) -> "pyarrow.ChunkedArray":
    with _sound(path):
        return _opened(path).read_row_group(group, columns=[column]).column(0)


@lru_cache(maxsize=16)
def _named(folder: Path, names: tuple[str, ...], column: str) -> tuple[str, ...]:
    """Return the picture files that cells name without holding their bytes, each of them once."""
    pictures: dict[str, None] = {}
    for name in names:
        file = _opened(folder / name)
        known_column("column", column, file.schema_arrow.names)
        groups = range(file.metadata.num_row_groups)
        for group in (group for group in groups if not _holds_all(file.metadata.row_group(group), column)):
            beside = paths(_row_group(folder / name, group, column))
            pictures |= dict.fromkeys((Path(name).parent / path).as_posix() for path in beside)
    return tuple(pictures)


def _holds_all(group: "parquet.RowGroupMetaData", column: str) -> bool:
    """Return whether a row group's statistics say that every cell holds its bytes, so that none need be read."""
    for each in (group.column(index) for index in range(group.num_columns)):
        if each.path_in_schema == column:
            return True
        if each.path_in_schema == f"{column}.bytes":
            statistics = each.statistics
            return statistics is not None and statistics.has_null_count and statistics.null_count == 0
    return False


@lru_cache(maxsize=16)
def _rows(folder: Path, names: tuple[str, ...], column: str) -> tuple[Entry, ...]:
    rows: list[Entry] = []
    for name in names:
        file = _opened(folder / name)
        known_column("column", column, file.schema_arrow.names)
        groups = range(file.metadata.num_row_groups)
        rows += [(name, group, row) for group in groups for row in range(file.metadata.row_group(group).num_rows)]
    return tuple(rows)


@lru_cache(maxsize=16)
def _labels(folder: Path, names: tuple[str, ...], label: str) -> Labels:
    values: list[object] = []
    for name in names:
        file = _opened(folder / name)
        known_column("label", label, file.schema_arrow.names, [NONE])
        with _sound(folder / name):
            values += file.read(columns=[label]).column(0).to_pylist()
    return as_labels(values, _class_names(_opened(folder / names[0]), label), f"{folder}, column {label}")


def _class_names(file: "parquet.ParquetFile", label: str) -> list[str] | None:
    """Return the class names in Hugging Face's metadata."""
    try:
        metadata = json.loads((file.schema_arrow.metadata or {}).get(b"huggingface", b"{}"))
        names = metadata["info"]["features"][label]["names"]
    except (ValueError, KeyError, TypeError):
        return None
    return [str(name) for name in names] if isinstance(names, list) and names else None
