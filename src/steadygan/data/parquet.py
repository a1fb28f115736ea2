"""Images in local parquet files."""

from dataclasses import dataclass

from steadygan.common.paths import expanded
from steadygan.config.node import Config
from steadygan.data.settings import named, share
from steadygan.data.sources.base import NONE
from steadygan.data.sources.parquet import ParquetSource
from steadygan.data.stored import StoredImages


@dataclass(eq=False)
class Parquet(StoredImages):
    """The rows of parquet files; see ``StoredImages``."""

    root: str = ""
    column: str = "image"
    label: str = NONE
    test_share: float | None = None

    @classmethod
    def source(cls, config: Config) -> ParquetSource:
        """Return the files."""
        root = expanded("dataset.root", named("root", config["root"], "FILE.parquet"))
        return ParquetSource(root, config["column"], config["label"], share(config["test_share"]))
