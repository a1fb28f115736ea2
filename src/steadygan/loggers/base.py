"""The interface of loggers: what the engine calls, and when."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from steadygan.config.node import Config


@dataclass(frozen=True)
class RunInfo:
    """Facts about a run that a logger gets before its first row."""

    directory: Path
    signature: str
    method: str
    label: str
    seed: int
    group: str
    """Name of the sweep."""
    config: Config
    """Resolved, plain containers and numbers only."""
    overrides: tuple[str, ...]


class RunLogger(Protocol):
    """A logger never stops or alters a run: the run's own files are the truth, and no method may raise."""

    def open(self, info: RunInfo) -> None:
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
