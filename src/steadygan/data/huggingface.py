"""Data sets of images by their name on Hugging Face's hub."""

from dataclasses import dataclass
from typing import Any

from steadygan.core.declare import declare
from steadygan.data.settings import count
from steadygan.data.sources.huggingface import HuggingFaceSource
from steadygan.data.sources.tables import NONE
from steadygan.data.stored import StoredImages, named, share


@declare(size=count, channels=count)
@dataclass(eq=False)
class HuggingFace(StoredImages):
    """Images of the library ``datasets``; see ``StoredImages``.

    Args:
        name: such as ``uoft-cs/cifar10``, or a local folder that the library can load.
        config: of the data set, where it has several.
        revision: a commit of the hub's repository; stated, the data are the same for ever.
        root: where the library keeps what it fetches; empty: its own place.
        column: of the images.
        label: the column of the labels, or "none".
        test_share: of the images, set apart as the test split where the data have none; None: no test split then.

    Raises:
        UserError: the library is not installed or cannot load it, or there are no such columns.
    """

    name: str = ""
    config: str | None = None
    revision: str | None = None
    root: str = ""
    column: str = "image"
    label: str = NONE
    test_share: float | None = None

    @classmethod
    def source(
        cls,
        name: str,
        config: str | None,
        revision: str | None,
        root: str,
        column: str,
        label: str,
        test_share: float | None,
        **others: Any,
    ) -> HuggingFaceSource:
        """Return the source, downloaded now if needed."""
        name = named("name", name, "uoft-cs/cifar10")
        return HuggingFaceSource(name, config, revision, root or None, column, label, share(test_share))
