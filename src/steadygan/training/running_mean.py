"""The mean of a step's logs since the last row of ``metrics.csv``."""

import torch
from torch import Tensor

from steadygan.core.types import Tree


class RunningMean:
    """The mean of one run's logs; sums are float64."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.total: Tensor | None = None
        self.count = 0

    def add(self, logs: dict[str, Tensor]) -> bool:
        """Add one iteration; return False, and change nothing, if any value is not finite."""
        names, values = list(logs), summands(logs)
        if self.names != names:  # restored from a checkpoint of a version that logs something else
            self.reset()
        self.names = names
        if not bool(finite(values)):
            return False
        self.total = values if self.total is None else self.total + values
        self.count += 1
        return True

    def means(self) -> dict[str, float]:
        """Return the mean of each log; empty before the first iteration."""
        return {} if self.total is None else dict(zip(self.names, (self.total / self.count).tolist()))

    def reset(self) -> None:
        self.total, self.count = None, 0

    def state(self) -> Tree:
        """Return the state to be saved in a checkpoint."""
        return {"names": self.names, "total": self.total, "count": self.count}

    def restore(self, state: Tree) -> None:
        self.names, self.total, self.count = state["names"], state["total"], state["count"]


def summands(logs: dict[str, Tensor]) -> Tensor:
    """Return the values of the logs, in their order, float64."""
    return torch.stack(list(logs.values())).double()


def finite(values: Tensor) -> Tensor:
    """Return whether training is still sane, as a 0-dim truth value: all that is logged is finite."""
    return torch.isfinite(values.sum())
