"""A folder of images of one's own."""

from dataclasses import dataclass

from steadygan.common.paths import expanded
from steadygan.config.node import Config
from steadygan.data.settings import named, one_of, share
from steadygan.data.sources.folder import LABELS, FolderSource
from steadygan.data.stored import StoredImages


@dataclass(eq=False)
class ImageFolder(StoredImages):
    """All pictures below a folder, of any sizes and modes; see ``StoredImages``."""

    root: str = ""
    labels: str = "none"
    test_share: float | None = None

    @classmethod
    def source(cls, config: Config) -> FolderSource:
        """Return the folder."""
        folder = expanded("dataset.root", named("root", config["root"], "FOLDER_OF_IMAGES"))
        labelled = one_of("labels", config["labels"], LABELS) == "folders"
        return FolderSource(folder, labelled, share(config["test_share"]))
