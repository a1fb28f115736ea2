"""Base class of the torchmetrics shells."""

import math
import warnings
from numbers import Real
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from steadygan.common.errors import bad_value
from steadygan.common.typed import Misfit, read
from steadygan.core.declare import Range


class SampleMetric(Metric):
    """A metric of generated samples; subclasses define what to keep of a batch (``take``) and how to score it
    (``score``).

    Takes the first ``samples`` examples that it is shown and leaves out the rest, so that metrics of several sample
    counts can be shown the same samples. Works without autocast, without gradients and without random draws; its
    state is in no checkpoint.

    Attributes:
        samples: how many samples it wants.
        directions: for each name that ``compute`` returns, which is better: "max" or "min".
        provenance: everything that the numbers depend on, fit for JSON; ``samples`` is how many it has scored, once
            it has.
    """

    full_state_update = False
    directions: dict[str, str]

    def __init__(self, name: str, samples: int) -> None:
        super().__init__()
        self.samples = whole_number(f"metrics.{name}.samples", samples, 2)
        self.provenance: dict[str, Any] = {"samples": self.samples}
        self.add_state("seen", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    @property
    def passport(self) -> dict[str, Any]:
        """The old name of ``provenance``; warns."""
        warnings.warn("metrics: passport is called provenance now", FutureWarning, stacklevel=2)
        return self.provenance

    @passport.setter
    def passport(self, value: dict[str, Any]) -> None:
        self.provenance = value

    def update(self, x: Tensor) -> None:
        """Take samples ``[n, *shape]`` (images in [-1, 1]) of any float type."""
        x = x.detach()[: max(self.samples - int(self.seen), 0)]
        if len(x):
            self.seen += len(x)
            with torch.autocast(x.device.type, enabled=False):
                self.take(x)

    def compute(self) -> dict[str, float]:
        """Return the scores of the samples taken since the last ``reset``."""
        self.provenance["samples"] = int(self.seen)
        with torch.autocast(self.device.type, enabled=False):
            return self.score()

    def take(self, x: Tensor) -> None:
        """Put samples ``[n, *shape]`` into the state."""
        raise TypeError(f"{type(self).__name__} does not say what it keeps of a batch")

    def score(self) -> dict[str, float]:
        """Return the scores, from the state."""
        raise TypeError(f"{type(self).__name__} does not say how it scores")


def whole_number(key: str, value: Any, least: int) -> int:
    """Return ``value`` if it is a whole number of at least ``least``, else a ``UserError``."""
    try:
        number = read(value, int)
    except Misfit:
        number = None
    if not isinstance(number, int) or number < least:
        raise bad_value(key, value, f"must be a whole number of at least {least}")
    return number


def within(key: str, value: float, allowed: Range) -> float:
    """Return ``value`` if it lies in the range, else a ``UserError``."""
    if not _finite(value) or value not in allowed:
        raise bad_value(key, value, allowed.words)
    return float(value)


def _finite(value: Any) -> bool:
    """Return whether it is a finite number."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
