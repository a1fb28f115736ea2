"""From the jobs of a multirun to the populations that train them: what fits, and what has to stay alone."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from steadygan.common.ranges import count, share
from steadygan.common.typed import check_fields
from steadygan.population.memory import free_bytes
from steadygan.population.program import CALLBACKS
from steadygan.runs.job import Job
from steadygan.sweeps.grouping import Group, group, static


@dataclass(frozen=True)
class Limits:
    """Limits of the sizes of populations.

    Attributes:
        members: settings in one program at most; None: what fits.
        memory: the share of the free memory that all programs may take.
        workers: processes that train at the same time.
        free: bytes that one of them can have, where it is not this machine's memory that counts.

    Raises:
        UserError: a number out of its range.
    """

    members: Annotated[int | None, count]
    memory: Annotated[float, share]
    workers: int
    free: float | None = None

    def __post_init__(self) -> None:
        check_fields(self, "engine.")

    def fitting(self, each: int, gpu: bool) -> int:
        """Return how many members of ``each`` bytes fit into one process; a GPU is one process's own."""
        free = free_bytes(gpu) / (1 if gpu else self.workers) if self.free is None else self.free
        return int(self.memory * free / each)

    def most(self, each: int, gpu: bool) -> int:
        """Return how many of them may train in one process: as many as fit, but at least one."""
        fitting = self.fitting(each, gpu)
        return max(1, min(fitting, self.members or fitting))


class Populations:
    """The jobs of a multirun in groups that train as one program each.

    Args:
        jobs: that are to run.
        limits: of the groups.
        compile: ``auto``, true or false.
        size: how many bytes a job takes as a member; asked once for each kind of job.
    """

    def __init__(self, jobs: Sequence[Job], limits: Limits, compile: str | bool, size: Callable[[Job], int]) -> None:
        self._size, self._sizes = size, {}
        self.limits = limits
        self.groups: list[Group] = group(
            jobs,
            workers=limits.workers,
            most=lambda job: limits.most(self.size(job), _on_gpu(job)),
            alone=alone,
            compile=compile,
        )
        self.jobs = [job for each in self.groups for job in each.jobs]

    def size(self, job: Job) -> int:
        """Bytes that the job takes as a member."""
        kind = static(job.config)
        if kind not in self._sizes:
            self._sizes[kind] = self._size(job)
        return self._sizes[kind]

    def describe(self) -> Iterator[str]:
        """Yield ``populations: 2 of 32, 1 of 5; 2 at a time, the largest takes about 0.2 GB``, and who trains alone."""
        together = [each for each in self.groups if each.alone is None]
        sizes = [len(each.slots) for each in together]
        if sizes:
            counts = ", ".join(f"{sizes.count(n)} of {n}" for n in sorted(set(sizes), reverse=True))
            gigabytes = max(len(each.slots) * self.size(each.jobs[0]) for each in together) / 1e9
            at_once = min(self.limits.workers, len(self.groups))
            yield f"populations: {counts}; {at_once} at a time, the largest takes about {gigabytes:.2g} GB"
        if any(not self.limits.fitting(self.size(each.jobs[0]), _on_gpu(each.jobs[0])) for each in together):
            yield f"one setting may take more than engine.memory={self.limits.memory} allows: it trains by itself"
        if len(together) < len(self.groups):
            yield f"by themselves: {len(self.groups) - len(together)}"


def _on_gpu(job: Job) -> bool:
    return job.config["trainer"]["accelerator"] == "gpu"


def alone(job: Job) -> str | None:
    """Return why a job cannot train with others, as far as its config tells."""
    if str(job.config["trainer"]["devices"]) not in ("1", "auto"):
        return "a run on several devices trains by itself"
    if job.config["trainer"].get("callbacks"):
        return CALLBACKS
    return None
