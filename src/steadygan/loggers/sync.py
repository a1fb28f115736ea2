"""Sending offline runs: what W&B's files hold, and what they miss from ``metrics.csv``."""

import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import yaml

from steadygan.common.errors import UserError
from steadygan.config.node import Config
from steadygan.loggers import fragments, service
from steadygan.loggers.fragments import Fragment
from steadygan.loggers.wandb import Wandb
from steadygan.runs import files
from steadygan.runs.job import Job

TARGET = "steadygan.loggers.wandb.Wandb"
CUT_OFF = ".cut-off"
"""Added to the name of a fragment that ends in the middle: it is kept, but never sent."""

DAMAGE = (OSError, files.Unreadable, ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError)
"""What reading the files of a run may raise when they are not as they were written."""

_BATCH = 20
_PICTURE = "samples"

Send = Callable[[Sequence[Path]], str]
"""Sends files; those that arrived have a mark beside them. Returns what there is to read if some did not."""


@dataclass(frozen=True)
class Plan:
    """What is to be sent of one run."""

    run: Path
    unsent: tuple[Path, ...]
    """Whole fragments that are not on the server, oldest first."""
    cut_off: tuple[Path, ...]
    rows: tuple[dict[str, float], ...]
    """Rows of ``metrics.csv`` that no whole fragment holds."""
    pictures: tuple[tuple[int, Path], ...]

    @property
    def incomplete(self) -> bool:
        """Whether a further fragment has to be written."""
        return bool(self.cut_off or self.rows or self.pictures)

    @property
    def done(self) -> bool:
        """Whether all of the run is on the server."""
        return not self.unsent and not self.incomplete


class Found(NamedTuple):
    """The runs below a folder."""

    runs: list[Path]
    """That log to W&B."""
    damaged: list[tuple[Path, str]]
    """Those whose files cannot be read, each with the reason."""


def find(folder: Path) -> Found:
    """Return the runs below ``folder``, or ``folder`` itself, that log to W&B and have begun.

    Raises:
        UserError: if there are none.
    """
    result = Found([], [])
    begun = _begun(folder, result.damaged)
    if not begun and not result.damaged:
        raise UserError(f"{folder}: no runs in this folder; name a run, or the folder of a sweep, below `outputs`")
    for run in begun:
        try:
            wanted = _wanted(run)
        except DAMAGE as error:
            result.damaged.append((run, _reason(error)))
        else:
            result.runs.extend([run] if wanted else [])
    if not result.runs and not result.damaged:
        raise UserError(f"{folder}: none of its {len(begun)} runs logs to W&B (logger=wandb, logger.mode not disabled)")
    return result


def _begun(folder: Path, damaged: list[tuple[Path, str]]) -> list[Path]:
    """Return the folders of runs; ``damaged`` takes the folders that cannot be looked into."""
    folders: list[Path] = []
    for path, below, names in os.walk(folder, onerror=lambda error: damaged.append((Path(error.filename), str(error)))):
        if files.SUMMARY in names:
            folders.append(Path(path))
            below.clear()
    return sorted(folders)


def plan_all(runs: Sequence[Path], damaged: list[tuple[Path, str]]) -> Iterator[Plan]:
    """Yield the plans of ``runs``; reading a fragment is a process of its own, so some are read at a time.

    Args:
        runs: to plan.
        damaged: takes those that cannot be read, each with the reason.
    """
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for run, planned in zip(runs, pool.map(_planned, runs)):
            if isinstance(planned, Plan):
                yield planned
            else:
                damaged.append((run, planned))


def _planned(run: Path) -> Plan | str:
    """Return the plan of a run, or what is wrong with its files."""
    try:
        return plan(run)
    except DAMAGE as error:
        return _reason(error)


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"no {error.args[0]}"
    return " ".join(str(error).split()) or type(error).__name__


def plan(run: Path) -> Plan:
    """Compare what the whole fragments of a run hold with its ``metrics.csv`` and its pictures."""
    fragments_of_run = sorted(map(fragments.read, fragments.find(run)), key=lambda fragment: fragment.started)
    ended = [fragment for fragment in fragments_of_run if fragment.complete]
    held = _held(ended)
    return Plan(
        run=run,
        unsent=tuple(fragment.path for fragment in ended if not fragment.sent),
        cut_off=tuple(fragment.path for fragment in fragments_of_run if not fragment.complete),
        rows=tuple(row for row in _rows(run) if not _holds(held.get(int(str(row["iteration"])), {}), row)),
        pictures=tuple(item for item in _pictures(run) if f"{_PICTURE}.path" not in held.get(item[0], {})),
    )


def running(run: Path) -> bool:
    """Return whether the run says of itself that it is not over; its W&B file is then better left alone."""
    return (files.read_summary(run) or {}).get("status") == "running"


def complete(plan: Plan) -> tuple[Path, ...]:
    """Write what the fragments of a run miss as a further fragment of it; all that is to be sent, oldest first.

    Raises:
        UserError: if W&B cannot be written.
        Exception: one of ``DAMAGE``, if the run's files cannot be read.
    """
    if not plan.incomplete:
        return plan.unsent
    before = set(fragments.find(plan.run))
    config = _config(plan.run)
    summary = files.read_summary(plan.run) or {}
    settings = {key: value for key, value in config["logger"].items() if key != "_target_"}
    logger = Wandb(**{**settings, "mode": "offline"})
    logger.open(_job(plan.run, config, summary))
    for row in plan.rows:
        logger.row(row)
    for iteration, path in plan.pictures:
        logger.picture(iteration, _PICTURE, path)
    logger.close(summary)
    written = sorted(set(fragments.find(plan.run)) - before)
    if logger.failed or not written:
        raise UserError("wandb cannot write this run; `steadygan doctor` says what is wrong with it")
    for path in plan.cut_off:
        path.rename(path.with_name(path.name + CUT_OFF))
    return (*plan.unsent, *written)


def send(paths: Sequence[Path]) -> str:
    """Send files with ``wandb sync``, which takes the fragments of one run in the order of their beginning.

    Its exit code says nothing; the marks beside the files do.
    """
    command = [sys.executable, "-m", "wandb", "sync", "--include-online", *(str(path.absolute()) for path in paths)]
    with service.outside() as environment:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=environment
        )
    return f"{done.stdout}{done.stderr}"


def send_all(plans: Sequence[Plan], send: Send, on_sent: Callable[[int], object]) -> list[tuple[Path, str]]:
    """Complete and send runs, some at a time, so that an interruption costs little.

    Args:
        plans: of the runs.
        send: sends files.
        on_sent: is called with the number of runs done so far.

    Returns:
        The files that did not arrive, each with what ``wandb sync`` had to say, and the runs that were not completed.
    """
    unsent: list[tuple[Path, str]] = []
    for start in range(0, len(plans), _BATCH):
        batch = plans[start : start + _BATCH]
        paths: list[Path] = []
        for item in batch:
            try:
                paths += complete(item)
            except (UserError, *DAMAGE) as error:
                unsent.append((item.run, f"{item.run}: {_reason(error)}"))
        error = send(paths) if paths else ""
        unsent += [(path, error) for path in paths if not path.with_name(f"{path.name}.synced").exists()]
        on_sent(start + len(batch))
    return unsent


def ready() -> None:
    """Check that something can be sent.

    Raises:
        UserError: without wandb, a login, or an answer from the server; says what mends it.
    """
    problem = service.unavailable(seconds=10.0)
    if problem:
        raise UserError(f"nothing was sent: {problem}")


def _wanted(run: Path) -> bool:
    logger = _config(run).get("logger")
    if not isinstance(logger, Mapping) or logger.get("_target_") != TARGET or logger.get("mode") == "disabled":
        return False
    if files.read_summary(run) is None:
        raise ValueError(f"{files.SUMMARY} cannot be read, or is not a run's")
    return True


def _config(run: Path) -> Config:
    try:
        config = yaml.safe_load((run / files.CONFIG).read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{files.CONFIG} cannot be read, {_reason(error)}") from error
    if not isinstance(config, dict):
        raise ValueError(f"{files.CONFIG} is not a run's")
    return config


def _job(run: Path, config: Config, summary: Config) -> Job:
    overrides = yaml.safe_load((run / files.OVERRIDES).read_text()) if (run / files.OVERRIDES).exists() else None
    said = {key: summary[key] for key in ("signature", "method", "label", "seed")}
    return Job(config, tuple(overrides or ()), run, **said, iterations=summary.get("iterations", 0))


def _held(complete: Sequence[Fragment]) -> dict[int, dict[str, object]]:
    """Return what W&B has of every iteration; later fragments override earlier ones."""
    held: dict[int, dict[str, object]] = {}
    for fragment in complete:
        for row in fragment.rows:
            if "iteration" in row:
                held.setdefault(int(str(row["iteration"])), {}).update(row)
    return held


def _holds(held: Mapping[str, object], row: Mapping[str, float]) -> bool:
    """Return whether ``row`` is there with all its values; the clock of a repeated iteration may differ."""
    return all(key == "seconds" or _same(held.get(key), value) for key, value in row.items())


def _same(one: object, other: float) -> bool:
    if not isinstance(one, int | float):
        return False
    return one == other or (math.isnan(one) and math.isnan(other))


def _rows(run: Path) -> Iterator[dict[str, float]]:
    for row in files.read_rows(run / files.METRICS):
        values = {key: float(value) for key, value in row.items() if value}
        yield {**values, "iteration": int(values["iteration"])}


def _pictures(run: Path) -> Iterator[tuple[int, Path]]:
    """Yield the pictures of a run, which are named by their iteration."""
    for path in sorted((run / files.SAMPLES).glob("*.png")):
        if path.stem.isdigit():
            yield int(path.stem), path
