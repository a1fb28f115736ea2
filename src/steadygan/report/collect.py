"""From sweep folders to records: every run that lies there, whatever state its files are in."""

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import yaml

from steadygan.common.errors import UserError
from steadygan.config.node import Config
from steadygan.runs import files
from steadygan.runs.threshold import OF_RUN, Bound, parse

CURVE_POINTS = 300
UNREADABLE = "unreadable"
NO_SUMMARY = "no summary"
_ABOUT = (
    "A sweep folder holds one folder for each run, each with a summary.json or a config.yaml, "
    "as `steadygan train -m` and `steadygan sweep` write them below outputs/NAME."
)
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Curve = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Score:
    """One metric of one run. None: the run gave no such number (never measured, or not finite)."""

    final: float | None
    best: float | None
    area: float | None
    direction: str | None

    @property
    def gap(self) -> float | None:
        """How far from its best the run ended: final minus best."""
        return None if self.final is None or self.best is None else self.final - self.best


@dataclass(frozen=True)
class Met:
    """When a run first met a bound; all None: it has not."""

    iteration: int | None = None
    images: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Run:
    """Contents of the files of one run; a missing or broken file leaves its fields empty.

    ``status`` is the summary's, or ``unreadable`` (a broken summary), or ``no summary``.
    ``damaged`` names its files that are there and cannot be read, but for the summary.
    ``memory`` is the peak of the device, or of the process, in MB.
    ``budget`` counts updates, gradient evaluations and FLOPs, where they were counted.
    ``reached`` says when each of the run's thresholds, in words, was first met.
    ``options`` are those of Hydra's with which ``overrides`` give the config; None: nobody has said that they do.
    ``most`` and ``least`` are the ends of what a metric can be, where its provenance says so.
    ``curves`` maps a column of ``metrics.csv`` to (iterations, values), finite values only, thinned.
    """

    path: Path
    name: str
    status: str
    method: str
    label: str
    signature: str = ""
    seed: int | None = None
    iteration: int | None = None
    iterations: int | None = None
    seconds: float | None = None
    memory: float | None = None
    budget: dict[str, float] = field(default_factory=dict)
    diverged_at: int | None = None
    error: str = ""
    config: Config = field(default_factory=dict)
    overrides: tuple[str, ...] = ()
    options: tuple[str, ...] | None = None
    scores: dict[str, Score] = field(default_factory=dict)
    reached: dict[str, Met] = field(default_factory=dict)
    oscillation: dict[str, float] = field(default_factory=dict)
    provenance: dict[str, Config] = field(default_factory=dict)
    most: dict[str, float] = field(default_factory=dict)
    least: dict[str, float] = field(default_factory=dict)
    versions: Config = field(default_factory=dict)
    git: str = ""
    damaged: tuple[str, ...] = ()
    curves: dict[str, Curve] = field(default_factory=dict)

    @property
    def completed(self) -> bool:
        """Whether it came to its end."""
        return self.status == "completed"

    @property
    def failed(self) -> bool:
        """Whether the run diverged or crashed (status ``failed``): the worst possible outcome of a seed."""
        return self.status in ("diverged", "failed")


@dataclass(frozen=True)
class Sweep:
    """The runs of one or more folders with what the first folder's ``sweep.yaml`` says of them.

    ``notes`` say what was found and could not be read, or was left out.
    """

    directories: tuple[Path, ...]
    name: str
    question: str
    commands: tuple[str, ...]
    swept: tuple[str, ...]
    runs: tuple[Run, ...]
    threshold: tuple[Bound, ...] = ()
    baseline: str = ""
    notes: tuple[str, ...] = ()


def collect(directories: list[Path], keep_row: int | None = None, configs: bool = True) -> Sweep:
    """Return all runs in ``directories``, each signature once (the copy that got furthest).

    The curves keep the row of iteration ``keep_row``, however long they are. Without ``configs`` the runs have none,
    which takes half of the time.

    Raises UserError for a folder that is not there, or that holds neither runs nor a ``sweep.yaml``, and for a
    ``sweep.yaml`` whose threshold is none.
    """
    if not directories:
        raise UserError("Name at least one sweep folder, such as outputs/my-sweep.")
    runs: list[Run] = []
    for directory in directories:
        files.need_runs(directory, _ABOUT)
        runs += [read_run(path, directory, keep_row, configs) for path in files.find_runs(directory)]
    kept = _unique(runs)
    first = directories[0].resolve()
    about = _mapping(read_yaml(directories[0] / files.SWEEP))
    swept = about.get("swept")
    threshold = parse(about.get("threshold"))
    return Sweep(
        directories=tuple(directories),
        name=str(about.get("name") or first.name),
        question=str(about.get("question") or about.get("name") or first.name),
        commands=_commands(about),
        swept=tuple(map(str, swept)) if isinstance(swept, Mapping | list) else (),
        runs=tuple(kept),
        threshold=threshold,
        baseline=str(about.get("baseline") or ""),
        notes=(*_unread(directories, kept), *_left_out(directories, runs, kept)),
    )


def _unread(directories: list[Path], runs: list[Run]) -> Iterator[str]:
    """Yield what exists and cannot be read; broken summaries are counted among the states of runs."""
    for path in (directory / files.SWEEP for directory in directories):
        if path.exists() and not read_yaml(path):
            yield f"{path} cannot be read: question, threshold, baseline and swept numbers are not known."
    for name in (files.CONFIG, files.METRICS):
        broken = [run.name for run in runs if name in run.damaged]
        if broken:
            more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
            yield f"{name} cannot be read in {len(broken)} of {len(runs)} runs: {', '.join(broken[:3])}{more}."


def _left_out(directories: list[Path], runs: list[Run], kept: list[Run]) -> Iterator[str]:
    copies = len(runs) - len(kept)
    if copies:
        verb = "run is a copy" if copies == 1 else "runs are copies"
        yield f"{copies} {verb} of others (of one signature) and left out: of each the one that got furthest counts."
    first, *others = (_mapping(read_yaml(directory / files.SWEEP)) for directory in directories)
    for directory, about in zip(directories[1:], others):
        ignored = [key for key in ("threshold", "baseline") if about and about.get(key) != first.get(key)]
        if ignored:
            verb = "is" if len(ignored) == 1 else "are"
            yield f"{' and '.join(ignored)} of {directory / files.SWEEP} {verb} not used."


def _commands(about: Config) -> tuple[str, ...]:
    """Return the commands of all launches; an older ``sweep.yaml`` has the last one alone."""
    named = about.get("commands")
    if isinstance(named, list):
        return tuple(map(str, named))
    last = about.get("command") or ""
    return tuple(filter(None, [" ".join(map(str, last)) if isinstance(last, list) else str(last)]))


def _unique(runs: list[Run]) -> list[Run]:
    """Return one run a signature: of copies in several folders the one that got furthest."""
    kept: dict[str, Run] = {}
    for run in runs:
        key = run.signature or str(run.path.resolve())
        if key not in kept or (run.iteration or 0) > (kept[key].iteration or 0):
            kept[key] = run
    return list(kept.values())


def read_yaml(path: Path) -> object:
    """Read a YAML file; an empty mapping where there is none or it is broken."""
    try:
        content = yaml.load(path.read_text(errors="replace"), Loader=_LOADER)
    except (OSError, yaml.YAMLError, ValueError):
        return {}
    return content if isinstance(content, dict | list) else {}


def read_run(path: Path, root: Path, keep_row: int | None = None, configs: bool = True) -> Run:
    """Read one run's files; see ``collect``. Never raises for what they hold."""
    summary = files.read_summary(path)
    status = str(summary["status"]) if summary else UNREADABLE if (path / files.SUMMARY).is_file() else NO_SUMMARY
    summary = summary or {}
    config = _mapping(read_yaml(path / files.CONFIG)) if configs else {}
    overrides = read_yaml(path / files.OVERRIDES)
    overrides = tuple(map(str, overrides)) if isinstance(overrides, list) else ()
    curves = _curves(path / files.METRICS, keep_row)
    damaged = [files.CONFIG] if configs and not config and _lines(path / files.CONFIG) else []
    damaged += [files.METRICS] if not curves and _lines(path / files.METRICS) > 1 else []
    peaks = _numbers(summary.get("memory"))
    without_seed = " ".join(item for item in overrides if not item.lstrip("+").startswith("seed="))
    label = str(summary.get("label") or without_seed or summary.get("method") or path.name)
    seed = summary.get("seed", config.get("seed"))
    scores = _scores(summary.get("metrics"))
    provenance = {
        key: facts for key, value in _mapping(summary.get("provenance")).items() if (facts := _mapping(value))
    }
    return Run(
        path=path,
        name=path.name if path == root else path.relative_to(root).as_posix(),
        status=status,
        method=str(summary.get("method") or label),
        label=label,
        signature=str(summary.get("signature") or ""),
        seed=_integer(seed),
        iteration=_integer(summary.get("iteration")),
        iterations=_integer(summary.get("iterations", config.get("iterations"))),
        seconds=number(summary.get("seconds")),
        memory=peaks.get("device_mb", peaks.get("process_mb")),
        budget=_numbers(summary.get("budget")),
        diverged_at=_integer(summary.get("diverged_at")),
        error=str(summary.get("error") or ""),
        config=config,
        overrides=overrides,
        options=tuple(map(str, options)) if isinstance(options := summary.get("options"), list) else None,
        scores=scores,
        reached=_reached(summary.get("reached"), config.get(OF_RUN), scores),
        oscillation=_numbers(summary.get("oscillation")),
        provenance=provenance,
        most={key: value for facts in provenance.values() for key, value in _numbers(facts.get("most")).items()},
        least={key: value for facts in provenance.values() for key, value in _numbers(facts.get("least")).items()},
        versions=_mapping(summary.get("versions")),
        git=_git(summary.get("git")),
        damaged=tuple(damaged),
        curves=curves,
    )


def _lines(path: Path) -> int:
    """Return how many lines a file has; of one that cannot be opened two, as it may hold anything."""
    try:
        return len(path.read_bytes().splitlines())
    except FileNotFoundError:
        return 0
    except OSError:
        return 2


def number(value: object) -> float | None:
    """Return a finite float, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        value = float(value)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


def _integer(value: object) -> int | None:
    value = number(value)
    return None if value is None else int(value)


def _mapping(value: object) -> Config:
    return {str(key): item for key, item in value.items()} if isinstance(value, Mapping) else {}


def _numbers(value: object) -> dict[str, float]:
    numbers = {key: number(item) for key, item in _mapping(value).items()}
    return {key: item for key, item in numbers.items() if item is not None}


def _git(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {item}" for key, item in value.items() if item is not None)
    return str(value or "")


def _scores(metrics: object) -> dict[str, Score]:
    scores = {}
    for name, value in _mapping(metrics).items():
        value = _mapping(value)
        direction = value.get("direction")
        scores[name.removeprefix("metric/")] = Score(
            final=number(value.get("final")),
            best=number(value.get("best")),
            area=number(value.get("area")),
            direction=direction if direction in ("max", "min") else None,
        )
    return scores


def _reached(recorded: object, thresholds: object, scores: Mapping[str, Score]) -> dict[str, Met]:
    """By the bound in words; a bound that the summary says nothing of was not met."""
    try:
        bounds = parse(thresholds, OF_RUN)
    except UserError:
        return {}
    met_by_bound = {}
    for bound in bounds:
        way = scores[bound.metric].direction if bound.metric in scores else None
        met = _mapping(_mapping(recorded).get(bound.metric))
        when = Met(_integer(met.get("iteration")), _integer(met.get("images")), number(met.get("seconds")))
        met_by_bound[bound.words(way or "min")] = when
    return met_by_bound


def _curves(path: Path, keep_row: int | None) -> dict[str, Curve]:
    """Return the finite values of each column against ``iteration``, CURVE_POINTS each at most, and ``keep_row``."""
    try:
        rows = files.read_rows(path)
    except (files.Unreadable, ValueError, csv.Error):
        return {}
    if not rows or "iteration" not in rows[0]:
        return {}
    iterations = _column(rows, "iteration")
    curves = {}
    for name in rows[0]:
        if "/" not in name and name != "seconds":
            continue
        values = _column(rows, name)
        keep = np.flatnonzero(np.isfinite(values) & np.isfinite(iterations))
        if len(keep):
            few = thin(len(keep), CURVE_POINTS)
            keep = keep[np.union1d(few, np.flatnonzero(iterations[keep] == keep_row))]
            curves[name] = (iterations[keep], values[keep])
    return curves


def _column(rows: list[dict[str, str]], name: str) -> np.ndarray:
    """Return floats [rows]; NaN where a cell is empty or no number."""
    return np.array([_cell(row[name]) for row in rows])


def _cell(text: str) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return np.nan


def thin(length: int, limit: int) -> np.ndarray:
    """Indices of at most ``limit`` evenly spaced points, the first and the last among them."""
    if length <= limit:
        return np.arange(length)
    return np.unique(np.linspace(0, length - 1, limit).round().astype(int))
