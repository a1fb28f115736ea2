"""Data sets of Hugging Face's hub, by the library ``datasets``, which keeps them as Arrow files."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from steadygan.common.errors import UserError, bad_value
from steadygan.data.sources.base import NONE, TEST_NAMES, Payload, empty, set_apart
from steadygan.data.sources.tables import TableSource, as_labels, known_column, paths, payload
from steadygan.data.storage.hashes import content

if TYPE_CHECKING:
    import datasets


@dataclass(frozen=True)
class HuggingFaceSource(TableSource[tuple[str, int]]):
    """The rows of a data set's ``train`` split and of the first of ``TEST_NAMES`` that it has.

    Attributes:
        name: on the hub, or a local folder that the library can load.
        config: one of the data set's configurations; None: its only one.
        revision: a commit, tag or branch; None: the newest that is there.
        cache: where the library keeps what it has fetched; None: its own place.
    """

    name: str
    config: str | None = None
    revision: str | None = None
    cache: str | None = None
    column: str = "image"
    label: str = NONE
    test_share: float | None = None

    def content(self) -> str:
        """Return the hash of the Arrow files and of the image files that their cells name.

        The rows of data that the library holds in memory are not known by their bytes.
        """
        files = sorted(Path(file["filename"]) for part in self._data().values() for file in part.cache_files)
        if not files:
            raise UserError(f"dataset.name={self.name}: the library keeps no files of it, so its content is not known")
        base = Path(os.path.commonpath([path.parent for path in files]))
        named = [path for part in self._data().values() for path in paths(part.data.column(self.column))]
        return content(base, (*(path.relative_to(base).as_posix() for path in files), *dict.fromkeys(named)))

    def entries(self, split: str) -> list[tuple[str, int]]:
        """Return the library's split, and the row."""
        part, rows = self._rows(split)
        if not len(rows):
            raise empty(f"dataset.name={self.name}", split)
        return [(part, int(row)) for row in rows]

    def labels(self, split: str) -> np.ndarray | None:
        if self.label == NONE:
            return None
        part, rows = self._rows(split)
        return self._labels()[0][part][rows]

    def read(self, entries: Sequence[tuple[str, int]]) -> Iterator[tuple[str, Payload]]:
        for part, row in entries:
            try:
                value = self._data()[part][row][self.column]
            except Exception as error:  # the library and its files fail in many ways
                raise UserError(f"{self.name}/{part}[{row}]: cannot be read ({error})") from error
            yield f"{self.name}/{part}[{row}]", payload(value, Path())

    def _data(self) -> "Mapping[str, datasets.Dataset]":
        return _loaded(self.name, self.config, self.revision, self.cache, self.column)

    def _rows(self, split: str) -> tuple[str, np.ndarray]:
        data = self._data()
        test = next((name for name in TEST_NAMES if name in data), None)
        if test is None:
            names = [str(row) for row in range(len(data["train"]))]
            return "train", set_apart(names, self.test_share, split)
        part = "train" if split == "train" else test
        return part, np.arange(len(data[part]))

    def _labels(self) -> tuple[dict[str, np.ndarray], list[object]]:
        return _labels(self)


@lru_cache(maxsize=4)
def _loaded(
    name: str, config: str | None, revision: str | None, cache: str | None, column: str
) -> "Mapping[str, datasets.Dataset]":
    try:
        import datasets
    except ImportError as error:
        raise UserError("dataset=huggingface needs the library datasets: pip install 'steadygan[data]'") from error
    try:
        loaded = datasets.load_dataset(name, config, revision=revision, cache_dir=cache)
        splits = {str(part): rows for part, rows in loaded.items()}
    except Exception as error:  # the library, its network and its files fail in many ways
        message = " ".join(str(error).split())[:300]
        raise UserError(
            f"dataset.name={name}: cannot be loaded ({type(error).__name__}: {message}).\nWithout a network only what "
            f"the library has kept is there: fetch it once where there is one, or name its folder by dataset.root"
        ) from error
    if "train" not in splits:
        raise UserError(f"dataset.name={name}: has no split named train, but {', '.join(splits)}")
    known_column("column", column, splits["train"].column_names)
    features = splits["train"].features
    if not isinstance(features[column], datasets.Image):
        images = [key for key, value in features.items() if isinstance(value, datasets.Image)]
        raise bad_value("dataset.column", column, "holds no images", images)
    return {part: rows.cast_column(column, datasets.Image(decode=False)) for part, rows in splits.items()}


@lru_cache(maxsize=4)
def _labels(source: HuggingFaceSource) -> tuple[dict[str, np.ndarray], list[object]]:
    data, label = source._data(), source.label
    known_column("label", label, data["train"].column_names, [NONE])
    columns = {part: rows[label][:] for part, rows in data.items() if label in rows.column_names}
    names = getattr(data["train"].features[label], "names", None)
    values = [value for column in columns.values() for value in column]
    every, classes = as_labels(values, names, f"{source.name}, {label}")
    bounds = np.cumsum([len(column) for column in columns.values()])[:-1]
    return dict(zip(columns, np.split(every, bounds))), classes
