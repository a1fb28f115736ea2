"""``tuned.json``: how a tuned comparison stands, for those who launch it again and for its report."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from steadygan.common.errors import UserError
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
        published: the overrides of the published setting.
        source: of the published setting.
    """

    method: str
    dataset: str
    overrides: tuple[str, ...]
    space: Mapping[str, str]
    settings: Sequence[tuple[str, ...]] = ()
    candidates: list[Candidate] | None = None
    tuned: tuple[str, ...] | None = None
    published: tuple[str, ...] = ()
    source: str = ""

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
    floors: dict[str, Node | None] = field(default_factory=dict)

    def recall(self) -> None:
        """Take over what an earlier launch of the same search has found, and the floors of the same metric.

        Raises:
            UserError: other methods in the folder were searched in another way: they could not be compared.
        """
        content = read(self.root)
        if not content:
            return
        same_search = all(content.get(key) == self.about[key] for key in SEARCH) and _stage(content, self, "search")
        own = {(entry.dataset, entry.method) for entry in self.entries}
        datasets = content.get("datasets", {})
        others = [
            method for dataset, node in datasets.items() for method in node["methods"] if (dataset, method) not in own
        ]
        if others and not same_search:
            names = ", ".join(dict.fromkeys(others))
            raise UserError(
                f"name={self.about['name']}: {self.root / files.TUNED} holds {names}, searched with other trials, "
                "seeds, iterations or by another metric: launch them in this command as well, or choose another name"
            )
        for entry in self.entries:
            node = datasets.get(entry.dataset, {}).get("methods", {}).get(entry.method)
            if same_search and node and node.get("space") == dict(entry.space):
                _recall(entry, node, _stage(content, self, "selection"))
        if content.get("metric") == self.about["metric"]:
            self.floors = {name: node["floor"] for name, node in datasets.items() if node.get("floor")}

    def write(self) -> None:
        """Write ``tuned.json``; other methods and data sets of earlier launches stay in it."""
        content = read(self.root)
        before = content.get("datasets", {})
        commands = list(dict.fromkeys([*content.get("commands", []), *self.about["commands"]]))
        datasets = {name: {**node, "methods": dict(node["methods"])} for name, node in before.items()}
        for entry in self.entries:
            node = datasets.setdefault(entry.dataset, {"floor": None, "methods": {}})
            node["methods"][entry.method] = _plain(entry)
            node["floor"] = self.floors.get(entry.dataset)
        files.write_json(self.root / files.TUNED, {**self.about, "commands": commands, "datasets": datasets})


SEARCH = ("metric", "iterations", "sampler", "sampler_seed")
"""Keys of the file that decide what a search finds, beside those of its stage."""


def _stage(content: Node, comparison: Comparison, name: str) -> bool:
    """Whether a stage is what it was at the earlier launch."""
    return content.get("stages", {}).get(name) == comparison.about["stages"][name]


def _recall(entry: Entry, node: Node, selected: bool) -> None:
    """Take over candidates from what the file says of a method, and the tuned setting if it was ``selected`` so."""
    if node.get("candidates") is None:
        return
    entry.candidates = [_candidate(each, selected) for each in node["candidates"]]
    entry.tuned = tuple(node["tuned"]) if selected and node.get("tuned") is not None else None


def _candidate(node: Node, selected: bool) -> Candidate:
    search, selection = node["search"], node.get("selection") if selected else None
    scores = None if selection is None else _read_scores(selection["scores"])
    return Candidate(tuple(node["overrides"]), _read_scores(search["scores"]), search["mean_rank"], scores)


def _read_scores(scores: Mapping[str, float | None]) -> dict[int, float]:
    return {int(seed): math.inf if value is None else float(value) for seed, value in scores.items()}


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
        "published": {"overrides": list(entry.published), "source": entry.source},
        "tuned": None if entry.tuned is None else list(entry.tuned),
    }


def _scores(scores: Mapping[int, float]) -> dict[str, float | None]:
    """Return scores fit for JSON: None is a run that failed."""
    return {str(seed): value if math.isfinite(value) else None for seed, value in scores.items()}
