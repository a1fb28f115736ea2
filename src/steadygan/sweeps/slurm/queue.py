"""Which runs are in Slurm's queue: a small file in the folder of each, and what ``squeue`` says of them.

A run is known by the name of its Slurm job, which no other launch has, and its place in the job's array. Both are
written before anything is submitted: a launcher that is killed at any moment finds its jobs when it is started again.
"""

import contextlib
import json
import math
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from steadygan.common.errors import UserError
from steadygan.runs import files
from steadygan.runs.job import Job

FILE = "slurm.json"
LOGS = ".slurm"
"""The folder of submitit's files and the jobs' logs, beside those of the runs."""

ENDED = (
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "LAUNCH_FAILED", "NODE_FAIL", "OUT_OF_MEMORY"),
    *("PREEMPTED", "REVOKED", "TIMEOUT"),
)
"""States of jobs that will not run again by themselves; Slurm forgets them after some minutes."""

TIMEOUT = 120.0


@dataclass(frozen=True)
class Ticket:
    """A run's ``slurm.json``: ``name`` of the Slurm job, ``task`` in its array, ``job`` as soon as its id is known."""

    name: str
    task: int
    job: str | None = None
    submitted: str = ""

    def write(self, run: Path) -> None:
        """Into a run's folder."""
        files.write_json(run / FILE, asdict(self))

    @classmethod
    def read(cls, run: Path) -> "Ticket | None":
        """Read the ticket in a run's folder; None where there is none, or it cannot be read."""
        try:
            return cls(**json.loads((run / FILE).read_text()))
        except (OSError, ValueError, TypeError):
            return None


@dataclass(frozen=True)
class QueueEntry:
    """Where a run stands in Slurm: the ``job``'s id, its ``state`` (``PENDING``, ``RUNNING``, ...; empty: unknown)."""

    job: str
    state: str

    @property
    def live(self) -> bool:
        """Whether it runs, or will."""
        return bool(self.state) and self.state not in ENDED


def check() -> None:
    """Refuse to go on where there is no Slurm."""
    if missing := [name for name in ("sbatch", "squeue", "srun") if shutil.which(name) is None]:
        raise UserError(
            f"hydra/launcher=slurm: no {missing[0]} on this machine. Launch from a node that submits jobs, or without "
            "Slurm: hydra/launcher=local"
        )


def queue_entries(runs: Iterable[Job]) -> dict[str, QueueEntry]:
    """Return where runs stand that were submitted, by signature; those that Slurm has forgotten are left out.

    Raises:
        UserError: Slurm does not answer.
    """
    tickets = {run.signature: ticket for run in runs if (ticket := Ticket.read(run.directory))}
    queued = ask({ticket.name for ticket in tickets.values()})
    keys = {signature: (ticket.name, ticket.task) for signature, ticket in tickets.items()}
    return {signature: queued[key] for signature, key in keys.items() if key in queued}


def live(runs: Iterable[Job]) -> dict[str, QueueEntry]:
    """Return those of ``queue_entries`` that run, or will."""
    return {signature: queued for signature, queued in queue_entries(runs).items() if queued.live}


def ask(names: Iterable[str]) -> dict[tuple[str, int], QueueEntry]:
    """Return all that ``squeue`` knows of jobs with these names, by name and place in the array.

    Raises:
        UserError: Slurm does not answer.
    """
    names = sorted(names)
    if not names:
        return {}
    options = ["--noheader", "--array", "--all", "--states=all", "--format=%i|%K|%T|%j"]
    return _read(output(["squeue", *options, f"--name={','.join(names)}"]))


def output(command: Sequence[str]) -> str:
    """Return what a command of Slurm prints.

    Raises:
        UserError: it fails.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        raise UserError(f"Slurm does not answer: {error}") from error
    if done.returncode and done.stderr.strip():
        raise UserError(f"Slurm does not answer: {done.stderr.strip()}")
    return done.stdout


def _read(text: str) -> dict[tuple[str, int], QueueEntry]:
    queued = {}
    for line in text.splitlines():
        job, task, state, name = line.strip().split("|", 3)
        queued[name, int(task) if task.isdigit() else 0] = QueueEntry(job, state)
    return queued


class Pending:
    """Which of some runs wait in Slurm's queue, asked for now and then; none where no Slurm answers."""

    EVERY = 10.0
    """Seconds between two questions."""

    def __init__(self, runs: Sequence[Job]) -> None:
        self.runs = runs
        self.asked_at = -math.inf
        self.known: set[str] = set()

    def __call__(self) -> set[str]:
        """Their signatures."""
        if time.monotonic() - self.asked_at >= self.EVERY:
            self.asked_at = time.monotonic()
            with contextlib.suppress(UserError):
                self.known = {key for key, queued in live(self.runs).items() if queued.state == "PENDING"}
        return self.known


def counts(queue_entries: Mapping[str, QueueEntry]) -> str:
    """Return ``2 pending, 1 running``."""
    states = [queued.state.lower() for queued in queue_entries.values()]
    return ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))


def safe(name: str) -> str:
    """Return a name that Slurm takes anywhere, as in the name of a job."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-.")[:60] or "steadygan"
