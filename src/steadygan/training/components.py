"""What a config builds: the components that an engine trains."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import nn

from steadygan.data.base import Dataset
from steadygan.loggers.base import RunLogger
from steadygan.metrics.base import Metric
from steadygan.training.algorithm import Algorithm
from steadygan.training.batches import SamplingSpec
from steadygan.training.labelling import of_samples
from steadygan.training.schemes.base import Plain, Scheme

if TYPE_CHECKING:
    import lightning

RAW = "raw_"
"""Before the names of scores of the generator that is trained."""

DTYPES = {"32": torch.float32, "64": torch.float64, "bf16": torch.float32}
"""The dtype of parameters and draws for each ``trainer.precision``; bf16 is autocast of the losses alone."""


@dataclass(frozen=True)
class Components:
    """Hold everything that one run trains with."""

    algorithm: Algorithm
    networks: Mapping[str, nn.Module]
    sampling: SamplingSpec
    dataset: Dataset
    metrics: Mapping[str, Metric]
    logger: RunLogger
    raw: bool = False
    """Whether the generator that is trained is scored, too, beside its average."""
    scheme: Scheme = field(default_factory=Plain)
    """Pre-training and growing, before and beside the game."""
    batch: int = 1000
    """Samples that are generated at once where metrics ask for many."""
    callbacks: tuple["lightning.Callback", ...] = ()
    """The user's own, for the Trainer of a single run."""

    @property
    def directions(self) -> dict[str, str]:
        """Map the name of each score to "max" or "min", whichever is better."""
        directions = {name: way for metric in self.metrics.values() for name, way in metric.directions.items()}
        scored_raw = [metric for metric in self.metrics.values() if self.raw and of_samples(metric)]
        return directions | {f"{RAW}{name}": way for metric in scored_raw for name, way in metric.directions.items()}

    @property
    def most(self) -> dict[str, float]:
        """Map the names of bounded scores to their largest possible value."""
        return {name: value for one in self.metrics.values() for name, value in one.provenance.get("most", {}).items()}
