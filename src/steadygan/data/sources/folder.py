"""Any folder of pictures, nested or not; labels from its sub-folders."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from steadygan.common.errors import UserError, bad_value
from steadygan.data.sources.base import NONE, TEST_NAMES, Payload, Source, order_hash, read_file, set_apart
from steadygan.data.sources.tables import in_order
from steadygan.data.sources.walk import below, is_folder
from steadygan.data.storage.hashes import content

SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm")
NOT_READ = (".npy", ".npz", ".avif", ".heic", ".heif", ".jp2", ".jxl", ".svg", ".tga")
"""Of arrays and pictures in other formats: among the pictures of a folder they are named, not left out in silence."""

LABELS = (NONE, "folders")
NO_CLASS = -1
"""The label of what cannot be read, which is never used."""


@dataclass(frozen=True)
class FolderSource(Source[str]):
    """Every picture below ``folder``, in the order of their paths.

    Where ``folder`` holds ``train`` and one of ``TEST_NAMES``, these are the splits. The label of a picture is the
    first folder on its way down; classes are in the order of their names, of numbers in that of the numbers.
    """

    folder: Path
    labelled: bool = False
    test_share: float | None = None

    @property
    def num_classes(self) -> int | None:
        return len(self.classes) if self.labelled else None

    @property
    def classes(self) -> tuple[str, ...]:
        """Their names, in the order of the labels."""
        within = tuple(f"{name}/" for name in split_folders(self.folder).values()) or ("",)
        inside = (name for name in pictures(self.folder) if name.startswith(within) and is_picture(name))
        return tuple(in_order({_class(name, self.folder) for name in inside}))

    def content(self) -> str:
        return content(self.folder, pictures(self.folder))

    def labels_content(self) -> str | None:
        return order_hash(self.classes) if self.labelled else None

    def entries(self, split: str) -> list[str]:
        names = self._files(split)
        if not any(map(is_picture, names)):
            raise UserError(f"{self.folder}: no images in it for the split {split} ({', '.join(SUFFIXES)})")
        return names

    def labels(self, split: str) -> np.ndarray | None:
        if not self.labelled:
            return None
        number = {name: label for label, name in enumerate(self.classes)}
        files = self._files(split)
        numbers = [number.get(_class(name, self.folder), NO_CLASS) if is_picture(name) else NO_CLASS for name in files]
        return np.array(numbers, dtype=np.int64)

    def read(self, entries: Sequence[str]) -> Iterator[tuple[str, Payload]]:
        for name in entries:
            path = self.folder / name
            yield (
                f"{path}",
                ValueError("not a format that is read") if name.lower().endswith(NOT_READ) else read_file(path),
            )

    def _files(self, split: str) -> list[str]:
        every, apart = pictures(self.folder), split_folders(self.folder)
        if apart:
            return [name for name in every if name.startswith(f"{apart[split]}/")]
        return [every[row] for row in set_apart(every, self.test_share, split)]


@lru_cache(maxsize=16)
def split_folders(folder: Path) -> dict[str, str]:
    """Return the sub-folders of the splits; none unless there are both."""
    test = next((name for name in TEST_NAMES if is_folder(folder / name)), None)
    return {"train": "train", "test": test} if test and is_folder(folder / "train") else {}


def is_picture(name: str) -> bool:
    """Return whether a file's name is that of a picture in a format that is read."""
    return name.lower().endswith(SUFFIXES)


def _class(name: str, folder: Path) -> str:
    parts = name.split("/")
    parts = parts[1:] if split_folders(folder) else parts
    if len(parts) < 2:
        problem = f"{folder / name} lies in no sub-folder that could be its class"
        raise bad_value("dataset.labels", "folders", problem, LABELS)
    return parts[0]


@lru_cache(maxsize=16)
def pictures(folder: Path) -> tuple[str, ...]:
    """Return ``listed``, looked at once in a process."""
    return listed(folder)


def listed(folder: Path) -> tuple[str, ...]:
    """Return all pictures below, as paths from there, sorted; and what is there in their place but cannot be one.

    That is files of ``NOT_READ`` and links that lead nowhere. See ``walk.below`` for links and hidden files.
    """
    if not is_folder(folder):
        raise UserError(f"{folder}: no such folder of images; name one by dataset.root=FOLDER")
    names = below(folder, SUFFIXES + NOT_READ)
    if not any(map(is_picture, names)):
        others = f"; {len(names)} in formats that are not read, such as {folder / names[0]}" if names else ""
        raise UserError(f"{folder}: no images in it ({', '.join(SUFFIXES)}){others}")
    return names
