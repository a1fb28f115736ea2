"""``hydra/launcher=population``: the jobs of a multirun as few tensor programs, on worker processes."""

from collections.abc import Sequence
from typing import Any

from hydra_plugins.steadygan.local import LocalLauncher


class PopulationLauncher(LocalLauncher):
    """As the local launcher, but jobs that differ in numbers alone train together.

    Args:
        members: settings in one program at most; None: what fits into ``memory``.
        memory: the share of the free memory that all populations may take.
        compile: ``auto``, true or false; see ``steadygan.population``.
        workers: number of processes, or ``auto``: one a core (a GPU) with ``threads`` threads.
        threads: of each process.
        dry_run: only say what would be done.
    """

    WORKERS = "engine.workers"

    def __init__(
        self,
        members: int | None = None,
        memory: float = 0.6,
        compile: Any = "auto",
        workers: int | str = "auto",
        threads: int = 1,
        dry_run: bool = False,
    ) -> None:
        super().__init__(workers, threads, dry_run)
        self.members, self.memory, self.compile = members, memory, compile

    def _run(self, missing: Sequence[Any], workers: int, console: Any) -> dict[str, str]:
        from steadygan.sweeps import launching
        from steadygan.sweeps.populations import Limits

        limits = Limits(self.members, self.memory, self._processes(missing, workers))
        populations = form(missing, limits, self.compile, console)
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

    def _processes(self, jobs: Sequence[Any], workers: int) -> int:
        if self.workers == "auto" and jobs[0].config["trainer"]["accelerator"] == "gpu":
            import torch

            return torch.cuda.device_count()
        return min(workers, len(jobs))


def form(jobs: Sequence[Any], limits: Any, compile: Any, console: Any) -> Any:
    """Return the ``Populations`` of jobs; says what they are."""
    from steadygan.sweeps.planning import member_size
    from steadygan.sweeps.populations import Populations

    populations = Populations(jobs, limits, compile, member_size)
    for line in populations.describe():
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    return populations
