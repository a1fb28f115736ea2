"""What a config builds: the parts that an engine trains, and the record of the run they belong to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from steadygan.engines.dealer import Wants
from steadygan.engines.step import Sentence

DTYPES = {"32": torch.float32, "64": torch.float64, "bf16": torch.float32}
"""The dtype of parameters and draws for each ``trainer.precision``; bf16 is autocast of the losses alone."""


@dataclass(frozen=True)
class Parts:
    """Everything that one run trains with."""

    sentence: Sentence
    networks: Mapping[str, nn.Module]
    wants: Wants
    dataset: Any
    metrics: Mapping[str, Any]
    logger: Any


@dataclass(frozen=True)
class Job:
    """One run that was asked for: what, and where its files are. Picklable."""

    config: dict[str, Any]
    overrides: tuple[str, ...]
    directory: Path
    signature: str
    label: str
    method: str
    seed: int
    iterations: int


Report = Callable[[dict[str, Any]], None]
"""Told ``{"kind": "progress", "iteration", "iterations", "metrics"}`` or ``{"kind": "message", "text"}``."""


def tagged(report: Report, job: Job) -> Report:
    """``report`` for one of several jobs that train together: each event says whose it is, under ``member``."""
    return lambda event: report({**event, "member": job.signature})
