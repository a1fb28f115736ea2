"""A data set of which the description is enough until something asks for its examples."""

from collections.abc import Callable
from functools import cached_property
from typing import TypedDict

from steadygan.common.errors import bad_value
from steadygan.data.base import Dataset


class Facts(TypedDict):
    """What is known of a data set without reading it; see ``Dataset``."""

    shape: list[int]
    num_data: int | None
    num_classes: int | None


def facts(dataset: Dataset) -> Facts:
    """Return the description of a data set, as plain numbers and lists."""
    number, classes = (getattr(dataset, name, None) for name in ("num_data", "num_classes"))
    return {
        "shape": [int(side) for side in dataset.shape],
        "num_data": None if number is None else int(number),
        "num_classes": None if classes is None else int(classes),
    }


class Described:
    """Stands for a data set; anything but its ``facts`` is asked of the data set itself, which ``read`` gives then."""

    def __init__(self, facts: Facts, read: Callable[[], Dataset]) -> None:
        self.shape = tuple(facts["shape"])
        self.num_data, self.num_classes = facts["num_data"], facts["num_classes"]
        self._read = read

    @cached_property
    def itself(self) -> Dataset:
        """The data set; a ``UserError`` where it cannot be read, or its examples are of another shape."""
        dataset = self._read()
        if tuple(dataset.shape) != self.shape:
            problem = f"examples of shape {list(dataset.shape)}, where the run was trained on {list(self.shape)}"
            raise bad_value("dataset.root", getattr(dataset, "root", "..."), problem)
        return dataset

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):  # copies and pickles look for methods of this kind, which are not the data set's
            raise AttributeError(name)
        return getattr(self.itself, name)
