"""A run that was asked for: what, where its files are, and what launching it would do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from steadygan.config.node import Config
from steadygan.runs import files


@dataclass(frozen=True)
class Job:
    """One run that was asked for: what, and where its files are. Picklable."""

    config: Config
    overrides: tuple[str, ...]
    directory: Path
    signature: str
    label: str
    method: str
    seed: int
    iterations: int
    options: tuple[str, ...] = ()
    """Hydra's options, which give the config together with ``root_overrides``."""
    root_overrides: tuple[str, ...] | None = None
    """Overrides of the root config that give the whole config; None: ``overrides`` do."""

    @property
    def group(self) -> str:
        """Name of the sweep."""
        return str(self.config["name"])


class PhaseProgress(TypedDict):
    """What goes on before the first iteration: a text, and ``done`` of ``total`` steps."""

    text: str
    done: int
    total: int


class Event(TypedDict, total=False):
    """What a run reports while it trains.

    ``kind`` is ``message`` (with ``text``), ``progress`` (with all that follows it here) or, of one of several jobs
    that train together, ``ended`` (with ``status``); ``member`` is the signature of such a job.
    """

    kind: str
    text: str
    iteration: int
    iterations: int
    metrics: Mapping[str, float]
    most: Mapping[str, float]
    phase: PhaseProgress
    member: str
    status: str


Report = Callable[[Event], None]


def tagged(report: Report, job: Job) -> Report:
    """Return ``report`` for one of several jobs that train together: each event says whose it is, under ``member``."""
    return lambda event: report({**event, "member": job.signature})


def action(job: Job) -> str:
    """Return what launching the job will do: ``run``, ``resume``, ``extend`` or ``skip: STATUS``."""
    done = files.read_summary(job.directory, strict=True)
    if done is None:
        return "run"
    status = done["status"]
    if status == "completed":
        reached = done["iterations"] if done.get("stopped_early") else done["iteration"]
        return "extend" if reached < job.iterations else "skip: completed"
    if status == "diverged" or (status == "failed" and not job.config["retry"]):
        return f"skip: {status}"
    return "resume" if files.checkpoints(job.directory) else "run"


def skipped(todo: Mapping[str, str]) -> dict[str, str]:
    """Return the statuses of the jobs that are not to be trained, by signature, from their actions."""
    return {job: planned.removeprefix("skip: ") for job, planned in todo.items() if planned.startswith("skip")}
