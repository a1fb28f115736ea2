"""CIFAR-10: 50,000 colour images of 32 x 32 to train on and 10,000 to test with, ten classes.

Reference: Krizhevsky (2009).
"""

from dataclasses import dataclass
from pathlib import Path

from steadygan.common.errors import UserError
from steadygan.config.node import Config
from steadygan.data.sources.base import data_folder, download_once
from steadygan.data.sources.cifar import ALL, FOLDER, CIFAR10Source
from steadygan.data.sources.walk import is_file
from steadygan.data.stored import StoredImages


@dataclass(eq=False)
class CIFAR10(StoredImages):
    """See ``StoredImages``."""

    root: str = ""
    download: bool = True
    size: int = 32
    crop: str | int = "none"

    @classmethod
    def source(cls, config: Config) -> CIFAR10Source:
        """Return the files, fetched now if need be and allowed."""
        folder = cls.folder_in(config["root"])
        reason = "dataset.download=false"
        if _missing(folder) and config["download"]:
            reason = download_once(folder.parent / ".cifar10.lock", lambda: _fetch(folder))
        if missing := _missing(folder):
            raise UserError(
                f"CIFAR-10: {', '.join(missing)} not found in {folder.absolute()} ({reason}).\n"
                f"Put the files of the Python version there, or name the folder that holds {FOLDER} by "
                f"dataset.root=FOLDER or the environment variable STEADYGAN_DATA; with a network, "
                f"dataset.download=true fetches them."
            )
        return CIFAR10Source(folder)

    @staticmethod
    def folder_in(root: str) -> Path:
        """Return where the files are looked for."""
        return data_folder(root, FOLDER, ALL[0])


def _missing(folder: Path) -> list[str]:
    return [name for name in ALL if not is_file(folder / name)]


def _fetch(folder: Path) -> None:
    """Download and unpack the published archive, whose hash is checked.

    torchvision's own class would unpickle the files without restrictions.
    """
    from torchvision.datasets import CIFAR10 as Published
    from torchvision.datasets.utils import download_and_extract_archive

    if _missing(folder):
        download_and_extract_archive(
            Published.url, str(folder.parent), filename=Published.filename, md5=Published.tgz_md5
        )
