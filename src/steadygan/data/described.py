"""A data set of which the description is enough until something asks for its examples."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from steadygan.common.errors import bad_value

FACTS = ("shape", "num_data", "num_classes")
"""What is known of a data set without reading it; see ``Dataset``."""


def facts(dataset: Any) -> dict[str, Any]:
    """Return the description of a data set, as plain numbers and lists."""
    count, classes = (getattr(dataset, name, None) for name in FACTS[1:])
    return {
        "shape": [int(side) for side in dataset.shape],
        "num_data": None if count is None else int(count),
        "num_classes": None if classes is None else int(classes),
    }


class Described:
    """Stands for a data set; anything but ``FACTS`` is asked of the data set itself, which is read then.

    Args:
        facts: as the function of this name gives them.
        read: reads the data set; raises what is to be told where it cannot.
    """

    def __init__(self, facts: dict[str, Any], read: Callable[[], Any]) -> None:
        self.shape = tuple(facts["shape"])
        self.num_data, self.num_classes = facts["num_data"], facts["num_classes"]
        self._read = read

    @cached_property
    def itself(self) -> Any:
        """The data set; raises UserError where it cannot be read, or its examples are of another shape."""
        dataset = self._read()
        if tuple(dataset.shape) != self.shape:
            problem = f"examples of shape {list(dataset.shape)}, where the run was trained on {list(self.shape)}"
            raise bad_value("dataset.root", getattr(dataset, "root", "..."), problem)
        return dataset

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # copies and pickles look for methods of this kind, which are not the data set's
            raise AttributeError(name)
        return getattr(self.itself, name)
