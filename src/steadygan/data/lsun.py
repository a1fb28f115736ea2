"""LSUN: scenes such as 3,033,042 bedrooms or 126,227 churches, 256 pixels at the shorter side.

Reference: Yu et al. (2015), arXiv:1506.03365.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from steadygan.common.errors import bad_value
from steadygan.core.declare import declare
from steadygan.data.settings import count
from steadygan.data.sources.base import data_folder
from steadygan.data.sources.lsun import FOLDER, LSUNSource
from steadygan.data.stored import StoredImages


@declare(size=count, channels=count)
@dataclass(eq=False)
class LSUN(StoredImages):
    """See ``StoredImages``.

    Args:
        root: the folder that holds ``lsun``, or that folder itself. Empty: ``STEADYGAN_DATA``, or ``data``.
        categories: one or more; of several the category is the label.

    Raises:
        UserError: a category's database is missing or damaged, or lmdb is not installed.
    """

    root: str = ""
    categories: str | Sequence[str] = ("church_outdoor",)

    @classmethod
    def source(cls, root: str, categories: str | Sequence[str], split: str, **config: Any) -> LSUNSource:
        """Return the databases."""
        names = (categories,) if isinstance(categories, str) else tuple(map(str, categories or ()))
        if not names or len(set(names)) < len(names):
            raise bad_value("dataset.categories", list(names), "must be categories of LSUN, each of them once")
        source = LSUNSource(data_folder(root, FOLDER, "*_lmdb"), names)
        if split in source.splits:
            source.check(split)
        return source
