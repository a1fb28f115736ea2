"""Images in local parquet files."""

from dataclasses import dataclass
from typing import Any

from steadygan.common.paths import expanded
from steadygan.core.declare import declare
from steadygan.data.settings import count
from steadygan.data.sources.parquet import ParquetSource
from steadygan.data.sources.tables import NONE
from steadygan.data.stored import StoredImages, named, share


@declare(size=count, channels=count)
@dataclass(eq=False)
class Parquet(StoredImages):
    """The rows of parquet files; see ``StoredImages``.

    Args:
        root: a file, or a folder with files at any depth. Files named after both splits (``train-...``, ``test-...`` or
            ``validation-...``) are those splits.
        column: of the images: a struct of ``bytes`` and ``path``, or plain bytes.
        label: the column of the labels, or "none".
        test_share: of the images, set apart as the test split where the data have none; None: no test split then.

    Raises:
        UserError: there are no such files or columns, one is damaged, or pyarrow is not installed.
    """

    root: str = ""
    column: str = "image"
    label: str = NONE
    test_share: float | None = None

    @classmethod
    def source(cls, root: str, column: str, label: str, test_share: float | None, **config: Any) -> ParquetSource:
        """Return the files."""
        return ParquetSource(
            expanded("dataset.root", named("root", root, "FILE.parquet")), column, label, share(test_share)
        )
