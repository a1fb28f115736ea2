"""LSUN: scenes such as 3,033,042 bedrooms or 126,227 churches, 256 pixels at the shorter side.

Reference: Yu et al. (2015), arXiv:1506.03365.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from steadygan.common.errors import bad_value
from steadygan.config.node import Config
from steadygan.data.sources.base import data_folder
from steadygan.data.sources.lsun import FOLDER, LSUNSource
from steadygan.data.stored import StoredImages


@dataclass(eq=False)
class LSUN(StoredImages):
    """See ``StoredImages``."""

    root: str = ""
    categories: str | Sequence[str] = ("church_outdoor",)

    @classmethod
    def source(cls, config: Config) -> LSUNSource:
        """Return the databases."""
        categories = config["categories"]
        names = (categories,) if isinstance(categories, str) else tuple(map(str, categories or ()))
        if not names or len(set(names)) < len(names):
            raise bad_value("dataset.categories", list(names), "must be categories of LSUN, each of them once")
        source = LSUNSource(data_folder(config["root"], FOLDER, "*_lmdb"), names)
        if config["split"] in source.splits:
            source.check(config["split"])
        return source
