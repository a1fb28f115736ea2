"""A sweep seen from outside: how its runs stand, told by their files alone, wherever they are computed."""

import contextlib
import itertools
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import yaml

from steadygan.common.pace import Pace
from steadygan.config.node import Config
from steadygan.runs import files
from steadygan.runs.locks import RunLock
from steadygan.sweeps.state import OVER, RunState, Snapshot, ordered

_ABOUT = "Name the folder of a sweep, such as outputs/gamma: it holds a sweep.yaml and one folder for each run."
SILENT = 120.0
"""Seconds without a change in a run's files after which a run that says it is running is called stale, or ..."""

SILENT_ROWS = 10
"""... this many times the longest time between two of its rows, if that is longer."""

ROWS = 20
"""The rows among which the longest time between two is looked for."""


_Stamp = tuple[int, int] | None
"""When a file changed, and its size."""


class _Reading(NamedTuple):
    """What a run's files say: its state at their last change, the overrides, the longest time between two rows."""

    state: RunState
    overrides: list[str]
    gap: float


class Watcher:
    """Looks at a folder again and again; a run whose files have not changed is not read again.

    Args:
        folder: of a sweep, or of one run.
        clock: seconds since the epoch, as the files have them.

    Raises:
        UserError: at construction, if the folder is not there or holds neither runs nor a ``sweep.yaml``.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self.folder, self.clock = folder, clock
        self._known: dict[Path, tuple[tuple[_Stamp, ...], _Reading]] = {}
        files.need_runs(folder, _ABOUT)

    def look(self) -> Snapshot:
        """Return the current state."""
        paths = list(files.find_runs(self.folder))
        waiting = _waiting(_swept(self.folder), [self._read(path).overrides for path in paths])
        return Snapshot(ordered(map(self.see, paths)), waiting)

    def see(self, path: Path) -> RunState:
        """Return the current state of one run."""
        state, _, gap = self._read(path)
        quiet = max(self.clock() - state.ended, 0.0)
        stale = state.status == "running" and quiet > max(SILENT, SILENT_ROWS * gap)
        status = "stale" if stale else state.status
        owner = RunLock(path).owner if status in ("running", "stale") else ""
        rate = state.rate if status == "running" else 0.0
        return replace(state, status=status, rate=rate, quiet=quiet, owner=owner)

    def _read(self, path: Path) -> _Reading:
        stamp = tuple(_stamp(path / name) for name in (files.SUMMARY, files.METRICS, files.CHECKPOINT, files.CONFIG))
        if self._known.get(path, (None,))[0] != stamp:
            changed = max((time_ns for time_ns, _ in filter(None, stamp)), default=0) / 1e9
            self._known[path] = stamp, _reading(path, changed, self.folder)
        return self._known[path][1]


def _stamp(path: Path) -> _Stamp:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _reading(path: Path, changed: float, root: Path) -> _Reading:
    summary = files.read_summary(path) or {}
    rows: list[dict[str, str]] = []
    with contextlib.suppress(files.Unreadable):  # it may be readable at the next look
        rows = files.read_rows(path / files.METRICS) if summary.get("status") not in OVER else []
    times = [(_number(row.get("iteration")), _number(row.get("seconds"))) for row in rows]
    damaged = not summary and (path / files.SUMMARY).exists()
    label, seed = summary.get("label"), summary.get("seed")
    state = RunState(
        path=path,
        name=f"{label} seed={seed}" if label else path.name if path == root else path.relative_to(root).as_posix(),
        status=summary.get("status", "running"),
        iteration=int(max([_number(summary.get("iteration")), *(iteration for iteration, _ in times)])),
        iterations=int(_number(summary.get("iterations"))),
        rate=_rate(times, summary),
        ended=changed,
        metrics=_metrics(summary, rows),
        most=_most(summary),
        error=f"{files.SUMMARY} cannot be read" if damaged else str(summary.get("error") or ""),
    )
    overrides = _yaml(path / files.OVERRIDES)
    texts = [str(text) for text in overrides] if isinstance(overrides, list) else []
    gaps = [after - before for (_, before), (_, after) in itertools.pairwise(times[-ROWS:])]
    return _Reading(state, texts, max(gaps, default=0.0))


def _yaml(path: Path) -> object:
    try:
        return yaml.safe_load(path.read_text(errors="replace"))
    except (OSError, yaml.YAMLError, ValueError):
        return None


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _number(value: object) -> float:
    """Return a number that is not negative; 0 for anything else that the files may hold."""
    try:
        number = float(value)  # pyright: ignore[reportArgumentType]  # a TypeError tells
    except (TypeError, ValueError):
        return 0.0
    return number if 0 <= number < float("inf") else 0.0


def _rate(times: list[tuple[float, float]], summary: Config) -> float:
    """Iterations a second of the last minute, by the run's own clock; 0 where the rows do not tell.

    Only rows of this launch count, from the first on, which has start and compilation before it. The clock of a run
    that trains together with others counts its part of the time.
    """
    began, together = _number(summary.get("iteration")), max(_number(summary.get("together")), 1.0)
    pace, last = Pace(), 0.0
    for iteration, seconds in times:
        if iteration > began:
            last = together * seconds
            pace.add(iteration, last)
    return pace.rate(last) or 0.0


def _mapping(value: object) -> Config:
    return value if isinstance(value, Mapping) else {}


def _most(summary: Config) -> dict[str, float]:
    """Return the largest value of each metric that has one, as its provenance states."""
    largest = [_mapping(_mapping(one).get("most")) for one in _mapping(summary.get("provenance")).values()]
    return {key: _number(value) for most in largest for key, value in most.items()}


def _metrics(summary: Config, rows: list[dict[str, str]]) -> dict[str, float]:
    """Return the latest value of each metric: of the last row that has any, else of the summary."""
    for row in reversed(rows):
        metrics = {name: _float(value) for name, value in row.items() if name.startswith("metric/") and value}
        if metrics:
            return metrics
    scores = _mapping(summary.get("metrics"))
    return {name: score["final"] for name, score in scores.items() if "final" in _mapping(score)}


def _swept(folder: Path) -> dict[str, list[object]]:
    swept = _mapping(_mapping(_yaml(folder / files.SWEEP)).get("swept"))
    return {str(key): values for key, values in swept.items() if isinstance(values, list)}


def _waiting(swept: Mapping[str, list[object]], overrides: list[list[str]]) -> int:
    """Return how many combinations of the swept values have no run yet."""
    if not swept:
        return 0
    begun = set()
    for texts in overrides:
        values = {key.lstrip("+"): value for key, _, value in (text.partition("=") for text in texts)}
        begun.add(tuple(_plain(values.get(key)) for key in swept))
    return sum(tuple(map(_plain, values)) not in begun for values in itertools.product(*swept.values()))


def _plain(value: object) -> str:
    """Return the same text for the same value, as written in an override or read from yaml: ``1e-3`` and 0.001."""
    text = str(value).strip("'\"")
    try:
        return repr(float(text))
    except ValueError:
        plain = "".join(text.split()).translate(str.maketrans("", "", "'\"")).lower()
        return "none" if plain == "null" else plain
