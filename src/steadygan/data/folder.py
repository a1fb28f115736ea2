"""A folder of images of one's own."""

from dataclasses import dataclass
from typing import Any

from steadygan.common.paths import expanded
from steadygan.core.declare import declare
from steadygan.data.settings import count, one_of
from steadygan.data.sources.folder import LABELS, FolderSource
from steadygan.data.stored import StoredImages, named, share


@declare(size=count, channels=count)
@dataclass(eq=False)
class ImageFolder(StoredImages):
    """All pictures below a folder, of any sizes and modes; see ``StoredImages``.

    Args:
        root: the folder. Where it holds ``train`` and ``test`` (or ``val``), these are the splits.
        labels: "none", or "folders": the class is the first folder on the way to a picture.
        test_share: of the images, set apart as the test split where the data have none; None: no test split then.

    Raises:
        UserError: there is no such folder or no picture in it, or one lies in no class's folder.
    """

    root: str = ""
    labels: str = "none"
    test_share: float | None = None

    @classmethod
    def source(cls, root: str, labels: str, test_share: float | None, **config: Any) -> FolderSource:
        """Return the folder."""
        folder = expanded("dataset.root", named("root", root, "FOLDER_OF_IMAGES"))
        return FolderSource(folder, one_of("labels", labels, LABELS) == "folders", share(test_share))
