"""CelebA's files (Liu et al. 2015): aligned faces of 178 x 218 pixels, 40 attributes, a partition."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from steadygan.common.errors import UserError, bad_value
from steadygan.data.sources.base import NONE, Payload, Source, read_file
from steadygan.data.storage.hashes import content

FOLDER = "celeba"
IMAGES = "img_align_celeba"
ATTRIBUTES = "list_attr_celeba.txt"
PARTITION = "list_eval_partition.txt"
PARTS = {"train": (0,), "valid": (1,), "test": (2,), "all": (0, 1, 2)}


@dataclass(frozen=True)
class CelebASource(Source[str]):
    """The images that the partition names; with ``attribute`` two classes: without it 0, with it 1."""

    folder: Path
    attribute: str = NONE
    splits = tuple(PARTS)

    @property
    def num_classes(self) -> int | None:
        return None if self.attribute == NONE else 2

    def content(self) -> str:
        images = (f"{IMAGES}/{name}" for name in _partition(self.folder / PARTITION))
        return content(self.folder, (PARTITION, *images))

    def labels_content(self) -> str | None:
        return None if self.attribute == NONE else content(self.folder, (ATTRIBUTES,))

    def entries(self, split: str) -> list[str]:
        names = [name for name, part in _partition(self.folder / PARTITION).items() if part in PARTS[split]]
        if not names:
            raise UserError(f"{self.folder / PARTITION}: names no image of the split {split}")
        return names

    def labels(self, split: str) -> np.ndarray | None:
        if self.attribute == NONE:
            return None
        path = self.folder / ATTRIBUTES
        values = _attribute(path, self.attribute)
        absent = [name for name in self.entries(split) if name not in values]
        if absent:
            raise UserError(f"{path}: has no attributes of {len(absent)} images, such as {absent[0]}")
        return np.array([values[name] for name in self.entries(split)], dtype=np.int64)

    def read(self, entries: Sequence[str]) -> Iterator[tuple[str, Payload]]:
        for name in entries:
            yield f"{self.folder / IMAGES / name}", read_file(self.folder / IMAGES / name)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({getattr(error, 'strerror', error)})") from error


@lru_cache(maxsize=4)
def _partition(path: Path) -> dict[str, int]:
    """Return ``000001.jpg 0`` a line: 0 to train, 1 to validate, 2 to test."""
    parts = {}
    for number, line in enumerate(_lines(path), 1):
        name, *part = line.split() or [""]
        if name and (len(part) != 1 or part[0] not in ("0", "1", "2")):
            raise UserError(f"{path}:{number}: not an image's name and 0, 1 or 2: {line[:80]}")
        if name:
            parts[name] = int(part[0])
    return parts


@lru_cache(maxsize=4)
def _attribute(path: Path, attribute: str) -> dict[str, int]:
    """Return whether each image has it: number of images, names of attributes, then ``000001.jpg -1  1 ...``."""
    lines = _lines(path)
    names = lines[1].split() if len(lines) > 1 else []
    if attribute not in names:
        raise bad_value("dataset.labels", attribute, f"no attribute in {path}", [NONE, *names])
    column, values_by_name = names.index(attribute) + 1, {}
    for number, line in enumerate(lines[2:], 3):
        values = line.split()
        if values and (len(values) != len(names) + 1 or values[column] not in ("-1", "1")):
            raise UserError(f"{path}:{number}: not an image's name and {len(names)} times -1 or 1: {line[:80]}")
        if values:
            values_by_name[values[0]] = int(values[column] == "1")
    return values_by_name
