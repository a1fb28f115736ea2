"""From the folder of a tuned comparison to a record for each run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from steadygan.common.errors import UserError
from steadygan.config.node import Config, Node
from steadygan.report.collect import Run, collect
from steadygan.report.shares import within_all
from steadygan.report.statistics import outcome
from steadygan.runs import files
from steadygan.runs.threshold import Bound, parse

STAGES = ("search", "selection", "final", "published")


@dataclass(frozen=True)
class Record:
    """A run of a stage.

    Attributes:
        setting: the overrides of what is searched, or set in the published setting.
        score: the metric at the length of the search; infinite where the run failed, NaN where it is not known.
        longer: the metric at the end, where the run is longer than the search.
        met: whether it meets the success criterion at the length of the search; None: not known.
        reached: the first evaluation within all bounds, in generator updates; infinite without one.
    """

    stage: str
    dataset: str
    method: str
    setting: tuple[str, ...]
    seed: int | None
    score: float
    longer: float
    met: bool | None
    reached: float
    run: Run


@dataclass(frozen=True)
class Tuned:
    """A tuned comparison: what ``tuned.json`` says, and its runs."""

    root: Path
    about: Config
    records: Sequence[Record]
    bounds: Sequence[Bound]

    @property
    def metric(self) -> str:
        """By which settings and methods are compared; small is good."""
        return str(self.about["metric"])

    @property
    def datasets(self) -> list[str]:
        """The names of the data sets."""
        return list(self.about["datasets"])

    def methods(self, dataset: str) -> Mapping[str, Node]:
        """Return what is known of each method on a data set."""
        return self.about["datasets"][dataset]["methods"]

    def floor(self, dataset: str) -> list[float]:
        """Return the scores of real examples; none where they were not measured."""
        node = self.about["datasets"][dataset].get("floor") or {}
        return [float(value) for value in node.get("values", [])]

    def records_of(self, dataset: str, stage: str) -> list[Record]:
        """Return all records of a stage."""
        return [each for each in self.records if (each.dataset, each.stage) == (dataset, stage)]

    def of(self, dataset: str, stage: str) -> list[Record]:
        """Return the records of a stage; of the last two those of the tuned and of the published setting alone."""
        found, nodes = self.records_of(dataset, stage), self.methods(dataset)
        if stage == "final":
            settings = {name: node.get("tuned") for name, node in nodes.items()}
        elif stage == "published":
            settings = {name: _published(node) for name, node in nodes.items()}
        else:
            return found
        return [each for each in found if set(each.setting) == set(settings.get(each.method) or ())]


def is_tuned(folder: Path) -> bool:
    """Whether a folder is that of a tuned comparison."""
    return (folder / files.TUNED).is_file()


def read(folder: Path) -> Tuned:
    """Return the comparison in a folder.

    Raises:
        UserError: its ``tuned.json`` cannot be read.
    """
    try:
        about = json.loads((folder / files.TUNED).read_text(encoding="utf-8"))
        bounds = parse(about.get("threshold"))
        known = {name: node["methods"] for name, node in about["datasets"].items()}
        length = int(about["iterations"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{folder / files.TUNED}: is not the file of a tuned comparison ({error})") from error
    records = [
        _record(stage, run, known, str(about["metric"]), bounds, length)
        for stage in STAGES
        if any(files.find_runs(folder / stage))
        for run in collect([folder / stage], keep_row=length, configs=False).runs
    ]
    return Tuned(folder, about, [each for each in records if each is not None], bounds)


def _record(stage: str, run: Run, known: Config, metric: str, bounds: Sequence[Bound], length: int) -> Record | None:
    texts = {key: value for key, _, value in (text.partition("=") for text in run.overrides)}
    dataset = texts.get("dataset") or _unnamed(known)
    if run.method not in known.get(dataset, {}):
        return None
    node = known[dataset][run.method]
    keys = {*node["space"], *(text.partition("=")[0] for text in _published(node))}
    setting = tuple(f"{key}={value}" for key, value in texts.items() if key in keys)
    score = value_at(run, metric, length) if stage == "final" else outcome(run, metric, "min")
    longer = outcome(run, metric, "min") if stage == "final" else np.nan
    return Record(
        stage, dataset, run.method, setting, run.seed, score, longer,
        _met(run, bounds, length), _reached(run, bounds), run,
    )  # fmt: skip


def _published(node: Config) -> Sequence[str]:
    """Return the overrides of a method's published setting."""
    return node.get("published", {}).get("overrides", ())


def _unnamed(known: Config) -> str:
    """Return the data set that is the default, which no override names."""
    for name, methods in known.items():
        if not any(text.startswith("dataset=") for node in methods.values() for text in node["overrides"]):
            return str(name)
    return next(iter(known), "")


def value_at(run: Run, metric: str, iteration: int) -> float:
    """Return a metric at an evaluation; infinite where the run had failed or it was not finite, NaN where unknown."""
    where, values = run.curves.get(f"metric/{metric}", (np.empty(0), np.empty(0)))
    at = np.flatnonzero(where == iteration)
    if len(at):
        return float(values[at[0]])
    if run.failed or any(iteration in times for name, (times, _) in run.curves.items() if name.startswith("metric/")):
        return np.inf
    return outcome(run, metric, "min") if run.iteration == iteration else np.nan


def _met(run: Run, bounds: Sequence[Bound], iteration: int) -> bool | None:
    return within_all(run, bounds, lambda metric: value_at(run, metric, iteration))


def _reached(run: Run, bounds: Sequence[Bound]) -> float:
    """Return the first evaluation at which all bounds are met."""
    if not bounds:
        return np.inf
    times = run.curves.get(f"metric/{bounds[0].metric}", (np.empty(0), np.empty(0)))[0]
    return next((float(time) for time in times if _met(run, bounds, int(time))), np.inf)
