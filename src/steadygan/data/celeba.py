"""CelebA: 202,599 aligned faces of 178 x 218 pixels with 40 attributes.

Reference: Liu et al. (2015), arXiv:1411.7766.
"""

from dataclasses import dataclass

from steadygan.common.errors import UserError
from steadygan.config.node import Config
from steadygan.data.sources.base import NONE, data_folder
from steadygan.data.sources.celeba import ATTRIBUTES, FOLDER, IMAGES, PARTITION, CelebASource
from steadygan.data.sources.walk import mode_of
from steadygan.data.stored import StoredImages


@dataclass(eq=False)
class CelebA(StoredImages):
    """See ``StoredImages``."""

    root: str = ""
    labels: str = NONE
    crop: str | int = 178

    @classmethod
    def source(cls, config: Config) -> CelebASource:
        """Return the files."""
        folder, labels = data_folder(config["root"], FOLDER, PARTITION), config["labels"]
        needed = [IMAGES, PARTITION, *([] if labels == NONE else [ATTRIBUTES])]
        if missing := [name for name in needed if mode_of(folder / name) is None]:
            raise UserError(
                f"CelebA: {', '.join(missing)} not found in {folder.absolute()}.\n"
                f"Unpack {IMAGES}.zip of the aligned and cropped images there and put {PARTITION} and {ATTRIBUTES} "
                f"beside it, or name the folder that holds {FOLDER}/ by dataset.root=FOLDER or the environment "
                f"variable STEADYGAN_DATA. (Its terms forbid to pass it on, so it is not downloaded.)"
            )
        return CelebASource(folder, labels)
