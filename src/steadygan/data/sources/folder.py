"""Any folder of pictures, nested or not; labels from its sub-folders."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from steadygan.data.hashes import content
from steadygan.data.sources.base import Payload, Source, read_file, set_apart
from steadygan.errors import UserError, bad_value

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm")
TEST_NAMES = ("test", "val", "valid", "validation")
LABELS = ("none", "folders")


@dataclass(frozen=True)
class FolderSource(Source):
    """Every picture below ``folder``, in the order of their paths.

    Where ``folder`` holds ``train`` and one of ``TEST_NAMES``, these are the splits. The label of a picture is the
    first folder on its way down.
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
        return tuple(sorted({_class(name, self.folder) for name in pictures(self.folder) if name.startswith(within)}))

    def content(self) -> str:
        return content(self.folder, pictures(self.folder))

    def entries(self, split: str) -> list[str]:
        found = self._files(split)
        if not found:
            raise UserError(f"{self.folder}: no images in it for the split {split} ({', '.join(SUFFIXES)})")
        return found

    def labels(self, split: str) -> np.ndarray | None:
        if not self.labelled:
            return None
        number = {name: label for label, name in enumerate(self.classes)}
        found = [number[_class(name, self.folder)] for name in self._files(split)]
        return np.array(found, dtype=np.int64)

    def read(self, entries: Sequence[str]) -> Iterator[tuple[str, Payload]]:
        for name in entries:
            yield f"{self.folder / name}", read_file(self.folder / name)

    def _files(self, split: str) -> list[str]:
        every, apart = pictures(self.folder), split_folders(self.folder)
        if apart:
            return [name for name in every if name.startswith(f"{apart[split]}/")]
        return [every[row] for row in set_apart(every, self.test_share, split)]


@lru_cache(maxsize=16)
def split_folders(folder: Path) -> dict[str, str]:
    """The sub-folders of the splits; none unless there are both."""
    test = next((name for name in TEST_NAMES if (folder / name).is_dir()), None)
    return {"train": "train", "test": test} if test and (folder / "train").is_dir() else {}


def _class(name: str, folder: Path) -> str:
    parts = name.split("/")
    parts = parts[1:] if split_folders(folder) else parts
    if len(parts) < 2:
        problem = f"{folder / name} lies in no sub-folder that could be its class"
        raise bad_value("dataset.labels", "folders", problem, LABELS)
    return parts[0]


@lru_cache(maxsize=16)
def pictures(folder: Path) -> tuple[str, ...]:
    """All pictures below, as paths from there, sorted; links are followed, hidden files are not looked at.

    Raises:
        UserError: it is no folder, or holds none.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of images; name one by dataset.root=FOLDER")
    found: list[str] = []
    seen: set[str] = set()
    for where, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(where)
        folders[:] = [] if real in seen else [name for name in folders if not name.startswith(".")]
        names = [] if real in seen else names
        seen.add(real)
        inside = Path(where).relative_to(folder)
        found += [
            (inside / name).as_posix() for name in names if name.lower().endswith(SUFFIXES) and not name.startswith(".")
        ]
    if not found:
        raise UserError(f"{folder}: no images in it ({', '.join(SUFFIXES)})")
    return tuple(sorted(found))
