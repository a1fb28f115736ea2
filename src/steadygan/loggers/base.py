"""The interface of loggers: what the engine calls, and when."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from steadygan.runs.job import Job

RunInfo = Job
"""The former name of what a logger is opened with."""


class RunLogger(Protocol):
    """A logger never stops or alters a run: the run's own files are the truth, and no method may raise."""

    def open(self, job: Job) -> None:
        """The run begins, or goes on."""

    def row(self, row: Mapping[str, float]) -> None:
        """A row of ``metrics.csv``: ``iteration``, ``images``, ``seconds``, ``loss/*``, ...; only keys with values."""

    def picture(self, iteration: int, name: str, path: Path) -> None:
        """A PNG file that was just written in the run's folder."""

    def close(self, summary: Mapping[str, object]) -> None:
        """The run has ended, well or badly; ``summary`` is the content of ``summary.json``."""


def flatten(tree: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Return ``{"metrics": {"modes": {"final": 8}}}`` as ``{"metrics/modes/final": 8}``; None is left out."""
    flat: dict[str, object] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}/")
        elif value is not None:
            flat[f"{prefix}{key}"] = value
    return flat
