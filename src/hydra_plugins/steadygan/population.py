"""``hydra/launcher=population``: the jobs of a multirun as few tensor programs, on worker processes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from hydra_plugins.steadygan.local import LocalLauncher, Statuses

if TYPE_CHECKING:
    from rich.console import Console

    from steadygan.runs.job import Job
    from steadygan.sweeps.populations import Limits, Populations


@dataclass(eq=False)
class PopulationLauncher(LocalLauncher):
    """As the local launcher, but jobs that differ in numbers alone train together.

    Attributes:
        members: settings in one program at most; None: what fits into ``memory``.
        memory: the share of the free memory that all populations may take.
        compile: ``auto``, true or false; see ``steadygan.population``.
        workers: number of processes, or ``auto``: one a core (a GPU) with ``threads`` threads.
    """

    members: int | None = None
    memory: float = 0.6
    compile: str | bool = "auto"

    group: ClassVar[str] = "engine"

    def _run(self, missing: "Sequence[Job]", workers: int, console: "Console") -> Statuses:
        from steadygan.sweeps import launching
        from steadygan.sweeps.populations import Limits

        limits = Limits(self.members, self.memory, self._processes(missing, workers))
        populations = self._form(missing, limits, console)
        if self.dry_run:
            return {}
        return launching.run_all(
            "steadygan.sweeps.executing:execute_group",
            populations.jobs,
            workers=limits.workers,
            threads=self.threads,
            console=console,
            groups=populations.groups,
        )

    def _processes(self, jobs: "Sequence[Job]", workers: int) -> int:
        if self.workers == "auto" and jobs[0].config["trainer"]["accelerator"] == "gpu":
            import torch

            return torch.cuda.device_count()
        return min(workers, len(jobs))

    def _form(self, jobs: "Sequence[Job]", limits: "Limits", console: "Console") -> "Populations":
        """Return the populations of jobs; says what they are."""
        from steadygan.sweeps.planning import member_size
        from steadygan.sweeps.populations import Populations

        populations = Populations(jobs, limits, self.compile, member_size)
        for line in populations.describe():
            console.print(line, soft_wrap=True, markup=False, highlight=False)
        return populations
