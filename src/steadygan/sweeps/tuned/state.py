"""``tuned.json``: how a tuned comparison stands, for those who launch it again and for its report."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from steadygan.config.node import Config, Node
from steadygan.runs import files


@dataclass(frozen=True)
class Candidate:
    """A setting that the search has handed on, with its scores by seed."""

    overrides: tuple[str, ...]
    search: Mapping[int, float]
    mean_rank: float
    selection: Mapping[int, float] | None = None


@dataclass
class Entry:
    """A method on a data set.

    Attributes:
        method: its name.
        dataset: its option.
        overrides: of all its runs.
        space: the searched ranges as texts, by key.
        settings: the overrides of each trial.
        candidates: of the selection, the best in the search first; None: not known yet.
        tuned: the overrides of the best setting; None: not known yet, or none has trained.
    """

    method: str
    dataset: str
    overrides: tuple[str, ...]
    space: Mapping[str, str]
    settings: Sequence[tuple[str, ...]] = ()
    candidates: list[Candidate] | None = None
    tuned: tuple[str, ...] | None = None

    @property
    def failed(self) -> bool:
        """Whether no setting has trained in the search."""
        return self.candidates is not None and not self.candidates


@dataclass
class Comparison:
    """All of it; ``write`` makes ``tuned.json`` of it."""

    root: Path
    about: Config
    entries: list[Entry]
    floors: dict[str, Node] = field(default_factory=dict)

    def write(self) -> None:
        """Write ``tuned.json``; other methods and data sets of earlier launches stay in it."""
        content = read(self.root)
        before = content.get("datasets", {})
        commands = list(dict.fromkeys([*content.get("commands", []), *self.about["commands"]]))
        datasets = {name: {**node, "methods": dict(node["methods"])} for name, node in before.items()}
        for entry in self.entries:
            node = datasets.setdefault(entry.dataset, {"floor": None, "methods": {}})
            node["methods"][entry.method] = _plain(entry)
            node["floor"] = self.floors.get(entry.dataset, node["floor"])
        files.write_json(self.root / files.TUNED, {**self.about, "commands": commands, "datasets": datasets})


def read(root: Path) -> Node:
    """Return the content of the file; empty where there is none that can be read."""
    try:
        content = json.loads((root / files.TUNED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _plain(entry: Entry) -> Node:
    candidates = entry.candidates and [
        {
            "overrides": list(each.overrides),
            "search": {"mean_rank": each.mean_rank, "scores": _scores(each.search)},
            "selection": None if each.selection is None else {"scores": _scores(each.selection)},
        }
        for each in entry.candidates
    ]
    return {
        "overrides": list(entry.overrides),
        "space": dict(entry.space),
        "candidates": candidates,
        "tuned": None if entry.tuned is None else list(entry.tuned),
    }


def _scores(scores: Mapping[int, float]) -> dict[str, float | None]:
    """Return scores fit for JSON: None is a run that failed."""
    return {str(seed): value if math.isfinite(value) else None for seed, value in scores.items()}
