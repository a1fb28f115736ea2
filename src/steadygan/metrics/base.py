"""The interface of metrics, and the base class of those of samples."""

import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from numbers import Real
from typing import Any, Protocol

import torch
import torchmetrics
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from steadygan.common import typed
from steadygan.common.errors import bad_value
from steadygan.common.ranges import at_least
from steadygan.core.declare import Range

Provenance = dict[str, Any]
"""All that a score depends on, fit for JSON."""

SPLITS = ("train", "test")


class Metric(Protocol):
    """Interface of what a config's ``metrics`` build; a user's class needs nothing else.

    Attributes:
        samples: how many samples it wants.
        directions: for each name that ``compute`` returns, which is better: "max" or "min".
        provenance: all that the numbers depend on; ``most`` and ``least`` are the ends of bounded scores.
    """

    samples: int
    provenance: Provenance

    @property
    def directions(self) -> Mapping[str, str]: ...

    @property
    def update(self) -> Callable[..., None]:
        """Take samples ``[n, *shape]``, or what else it ``needs``."""
        ...

    @property
    def compute(self) -> Callable[[], Mapping[str, float]]:
        """Return the scores."""
        ...

    def reset(self) -> None:
        """Forget the samples."""
        ...


class SampleMetric(torchmetrics.Metric):
    """A metric of generated samples; subclasses say what to keep of a batch (``take``) and how to ``score`` it.

    Takes the first ``samples`` examples that it is shown and leaves out the rest, so that metrics of several sample
    counts can be shown the same samples. Works without autocast, without gradients and without random draws; its
    state is in no checkpoint. ``provenance["samples"]`` is how many it has scored, once it has.
    """

    full_state_update = False
    directions: Mapping[str, str]
    seen: Tensor
    label: Tensor

    def __init__(self, name: str, samples: int) -> None:
        super().__init__()
        self.node = name
        self.samples = self.whole("samples", samples, 2)
        self.provenance: Provenance = {"samples": self.samples}
        self.add_state("seen", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    @property
    def passport(self) -> Provenance:
        """The old name of ``provenance``; warns."""
        warnings.warn("metrics: passport is called provenance now", FutureWarning, stacklevel=2)
        return self.provenance

    @passport.setter
    def passport(self, value: Provenance) -> None:
        self.provenance = value

    def update(self, x: Tensor, label: Tensor | None = None) -> None:
        """Take samples ``[n, *shape]`` (images in [-1, 1]) of any float type, and the classes asked for ``[n]``."""
        room = max(self.samples - int(self.seen), 0)
        x = x.detach()[:room]
        if len(x):
            self.seen += len(x)
            self.label = x.new_empty(0) if label is None else label[:room]
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

    def unknown(self) -> dict[str, float]:
        """Return nan for each score."""
        return dict.fromkeys(self.directions, math.nan)

    def whole(self, key: str, value: object, least: int) -> int:
        """Return a setting if it is a whole number of at least ``least``."""
        return typed.whole_number(f"metrics.{self.node}.{key}", value, at_least(least))

    def within(self, key: str, value: object, allowed: Range) -> float:
        """Return a setting if it is a number in the range."""
        number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
        if number not in allowed:  # nan is in no range
            raise bad_value(f"metrics.{self.node}.{key}", value, allowed.words)
        return number

    def one_of(self, key: str, value: str, choices: Iterable[str], what: str) -> str:
        """Return a setting if it is one of the choices, of which each is a ``what``."""
        if value not in choices:
            raise bad_value(f"metrics.{self.node}.{key}", value, f"no such {what}", choices)
        return value


class KeepingMetric(SampleMetric):
    """A metric that keeps something of each sample (``look``), and scores all of it at once (``of_kept``)."""

    kept: list[Tensor]

    def keep(self) -> None:
        """Declare the state."""
        self.add_state("kept", [], dist_reduce_fx="cat")

    def take(self, x: Tensor) -> None:
        """Keep what there is to keep of samples ``[n, *shape]``."""
        self.kept.append(self.look(x))

    def score(self) -> dict[str, float]:
        """Return the scores."""
        return self.of_kept(dim_zero_cat(self.kept))

    def look(self, x: Tensor) -> Tensor:
        """Return ``[n, ...]``: the samples themselves in float64."""
        return x.double()

    def of_kept(self, kept: Tensor) -> dict[str, float]:
        """Return the scores of what was kept, ``[N, ...]``."""
        raise TypeError(f"{type(self).__name__} does not say how it scores")
