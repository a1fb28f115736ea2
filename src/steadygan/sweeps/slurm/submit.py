"""Submitting runs and groups of runs to Slurm, as arrays of jobs, through submitit."""

import contextlib
import datetime
import shlex
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from steadygan.common.errors import UserError, bad_value
from steadygan.common.ranges import Count, count
from steadygan.common.signals import blocked
from steadygan.common.typed import check_fields
from steadygan.config.node import Config
from steadygan.sweeps.pool import THREADS
from steadygan.sweeps.slurm import queue
from steadygan.sweeps.slurm.queue import LOGS, Job, Ticket
from steadygan.sweeps.slurm.task import Task

AUTO = "auto"
AS_SUBMITIT = ("partition", "account", "qos", "nodes", "gres", "cpus_per_task", "array_parallelism", "signal_delay_s")
"""Keys that submitit calls so, too."""
_UNKILLED = 'sh -c \'trap "" USR2; exec "$0" "$@"\''
"""Starts Python so that a USR2 before its handler is there does not end it."""


@dataclass(frozen=True)
class Resources:
    """Resources that a job asks Slurm for: the keys of ``hydra/launcher=slurm``.

    Raises:
        UserError: a number out of its range.
    """

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    timeout_min: Count = 240
    nodes: Annotated[int | Literal["auto"], count] = AUTO
    tasks_per_node: Annotated[int | Literal["auto"], count] = AUTO
    gres: str | None = AUTO
    cpus_per_task: Count = 1
    mem_gb: float | None = None
    exclusive: bool = False
    array_parallelism: Count = 100
    signal_delay_s: Count = 120
    max_requeues: int = 100
    setup: Sequence[str] = ()
    additional_parameters: Config = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_fields(self, "hydra.launcher.")
        if self.signal_delay_s >= 60 * self.timeout_min:
            raise bad_value("hydra.launcher.signal_delay_s", self.signal_delay_s, "is not shorter than timeout_min")

    def of(self, config: Config) -> "Resources":
        """With what follows from a run's trainer in the place of ``auto``.

        Raises:
            UserError: the trainer's devices are no number.
        """
        trainer = config["trainer"]
        devices, nodes = trainer["devices"], trainer.get("num_nodes", 1)
        if not isinstance(devices, int) and AUTO in (self.tasks_per_node, self.gres):
            raise bad_value("trainer.devices", devices, "a Slurm job needs their number")
        gres = f"gpu:{devices}" if trainer["accelerator"] == "gpu" else None
        return replace(
            self,
            nodes=nodes if self.nodes == AUTO else self.nodes,
            tasks_per_node=devices if self.tasks_per_node == AUTO else self.tasks_per_node,
            gres=gres if self.gres == AUTO else self.gres,
        )

    def parameters(self, name: str, threads: int) -> dict[str, object]:
        """For submitit's ``SlurmExecutor``."""
        return {
            **{key: getattr(self, key) for key in AS_SUBMITIT},
            "job_name": name,
            "time": self.timeout_min,
            "ntasks_per_node": self.tasks_per_node,
            "mem": None if self.mem_gb is None else f"{round(self.mem_gb * 1024)}M",
            "exclusive": self.exclusive or None,
            "setup": [*(f"export {variable}={threads}" for variable in THREADS), *self.setup],
            "stderr_to_stdout": True,
            "wckey": None,
            # Since Slurm 22.05 a step does not take over the job's CPUs for each task.
            "srun_args": [f"--cpus-per-task={self.cpus_per_task}"],
            "additional_parameters": {"requeue": True, **self.additional_parameters},
        }


@dataclass(frozen=True)
class Work:
    """One task of an array: ``function`` is called with ``payload``, which trains ``jobs``."""

    function: str
    payload: object
    jobs: Sequence[Job]


def submit(works: Sequence[Work], resources: Resources, root: Path, threads: int) -> dict[str, str]:
    """Submit all of it: one array for what asks for the same, split where Slurm's longest array is shorter.

    Args:
        works: not empty.
        resources: of each.
        root: the folder of the sweep.
        threads: of the numerical libraries in each task.

    Returns:
        The ids of the Slurm jobs (of an array as a whole) by their names.

    Raises:
        UserError: Slurm does not take them; those before are submitted.
    """
    alike: dict[tuple, list[Work]] = {}
    for work in works:
        needed = resources.of(work.jobs[0].config)
        alike.setdefault((needed.nodes, needed.tasks_per_node, needed.gres), []).append(work)
    submitted = {}
    longest = _longest_array()
    for batch in alike.values():
        for start in range(0, len(batch), longest):
            name = f"{queue.safe(root.name)}-{uuid.uuid4().hex[:8]}"
            needed = resources.of(batch[start].jobs[0].config)
            submitted[name] = _submit(batch[start : start + longest], needed, root, name, threads)
    return submitted


def _submit(works: Sequence[Work], resources: Resources, root: Path, name: str, threads: int) -> str:
    from submitit import SlurmExecutor
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    folder = root / LOGS
    folder.mkdir(parents=True, exist_ok=True)
    python = f"{_UNKILLED} {shlex.quote(sys.executable)}"
    executor = SlurmExecutor(folder, max_num_timeout=resources.max_requeues, python=python)
    executor.update_parameters(**resources.parameters(name, threads))
    made = [job.directory for work in works for job in work.jobs if not job.directory.exists()]
    now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    with blocked():  # Ctrl-C waits until what is submitted is written down
        _write(works, Ticket(name, 0, None, now), None)
        try:
            with executor.batch():
                jobs = [executor.submit(Task(work.function, work.payload)) for work in works]
        except (FailedJobError, FailedSubmissionError, OSError) as error:
            _forget(works, made)
            raise UserError(f"Slurm does not take the jobs: {str(error).strip()}") from error
        ids = [job.job_id for job in jobs]
        _write(works, Ticket(name, 0, None, now), ids)
    return ids[0].partition("_")[0]


def _write(works: Sequence[Work], ticket: Ticket, ids: Sequence[str] | None) -> None:
    for task, work in enumerate(works):
        for job in work.jobs:
            replace(ticket, task=task, job=ids and ids[task]).write(job.directory)


def _forget(works: Sequence[Work], made: Sequence[Path]) -> None:
    """Nothing was submitted: as if nothing had been asked."""
    for work in works:
        for job in work.jobs:
            (job.directory / queue.FILE).unlink(missing_ok=True)
    for directory in made:
        with contextlib.suppress(OSError):
            directory.rmdir()


def _longest_array() -> int:
    """Return how many jobs an array may have here."""
    for line in queue.output(["scontrol", "show", "config"]).splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "MaxArraySize" and value.strip().isdigit():
            return max(1, int(value) - 1)
    return 1000
