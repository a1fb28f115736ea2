"""``hydra/launcher=slurm``: the jobs of a multirun as an array of Slurm jobs."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from hydra_plugins.steadygan.local import LocalLauncher
from hydra_plugins.steadygan.population import form


class SlurmLauncher(LocalLauncher):
    """As the local launcher, but what is missing is submitted to Slurm; what is in its queue already is not.

    With an engine that trains several runs as one (it has the key ``members``) each task of the array is a group.

    Args:
        wait: for the end of all jobs; else return as soon as they are submitted.
        poll: seconds between two looks at Slurm's queue.
        members: settings in one group at most; None: what fits into ``memory``.
        memory: the share of ``mem_gb`` that a group may take.
        compile: ``auto``, true or false; see ``steadygan.population``.
        workers: how many tasks groups are split to, or ``auto``: no more than have to be.
        threads: of the numerical libraries in each task.
        dry_run: only say what would be done.
        **resources: what each task asks for; see ``steadygan.sweeps.slurm.submit.Resources``.
    """

    here = False

    def __init__(
        self,
        wait: bool = True,
        poll: float = 10.0,
        members: int | None = None,
        memory: float = 0.6,
        compile: Any = "auto",
        workers: int | str = "auto",
        threads: int = 1,
        dry_run: bool = False,
        **resources: Any,
    ) -> None:
        super().__init__(1 if workers == "auto" else workers, threads, dry_run)
        self.wait, self.poll = wait, poll
        self.members, self.memory, self.compile = members, memory, compile
        self.requested = resources

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[Any]:
        """As the local launcher.

        Raises:
            UserError: also where there is no Slurm, or it does not take the jobs.
        """
        from steadygan.common.typed import arguments
        from steadygan.sweeps.slurm import queue as slurm_queue
        from steadygan.sweeps.slurm.submit import Resources

        slurm_queue.check()
        self.resources = Resources(**arguments(Resources, self.requested, "hydra.launcher"))
        return super().launch(job_overrides, initial_job_idx)

    def _todo(self, jobs: Sequence[Any]) -> dict[str, str]:
        """Who works on a job that is in Slurm's queue is Slurm; others are not waited for by who does not wait."""
        from steadygan.runs.job import action
        from steadygan.sweeps import ledger
        from steadygan.sweeps.slurm import queue as slurm_queue

        todo = super()._todo(jobs)
        away = [job for job in jobs if ledger.away(todo[job.signature])]
        queued = slurm_queue.live(away)
        for job in away:
            if job.signature in queued:
                todo[job.signature] = action(job)
            elif not self.wait:
                todo[job.signature] = "skip: running elsewhere"
        return todo

    def _run(self, missing: Sequence[Any], workers: int, console: Any) -> dict[str, str]:
        from steadygan.sweeps import launching
        from steadygan.sweeps.slurm import follow as slurm_follow
        from steadygan.sweeps.slurm import queue as slurm_queue

        say = partial(console.print, soft_wrap=True, markup=False, highlight=False)
        queued = slurm_queue.live(missing)
        if queued:
            say(f"in Slurm's queue already: {len(queued)} ({slurm_queue.counts(queued)})")
        root = missing[0].directory.parent
        works = self._works([job for job in missing if job.signature not in queued], workers, console)
        if self.dry_run:
            return {}
        if works:
            self._submit(works, root, say)
        if not self.wait:
            return {job.signature: "submitted" for job in missing}
        return launching.run_all(
            "",
            missing,
            workers=workers,
            threads=self.threads,
            console=console,
            pool=lambda _, jobs, on_event, **how: slurm_follow.follow(jobs, root, on_event, self.poll),
        )

    def _works(self, jobs: Sequence[Any], workers: int, console: Any) -> list[Any]:
        """Return what to submit: runs, and groups of runs."""
        from steadygan.sweeps.slurm.submit import Work

        together = [job for job in jobs if "members" in job.config["engine"]]
        works = [Work("steadygan.sweeps.executing:execute_later", job, (job,)) for job in jobs if job not in together]
        if together:
            groups = form(together, self._limits(together, workers), self.compile, console).groups
            works += [Work("steadygan.sweeps.executing:execute_group_later", group, group.jobs) for group in groups]
        return works

    def _limits(self, jobs: Sequence[Any], workers: int) -> Any:
        from steadygan.common.errors import bad_value
        from steadygan.sweeps.populations import Limits

        free = None if self.resources.mem_gb is None else self.resources.mem_gb * 1e9
        if any(job.config["trainer"]["accelerator"] == "gpu" for job in jobs):
            if self.members is None:
                raise bad_value(
                    "engine.members", None, "how many settings fit on a GPU is not known where there is none"
                )
            free = float("inf")
        return Limits(self.members, self.memory, min(workers, len(jobs)), free)

    def _submit(self, works: Sequence[Any], root: Path, say: Any) -> None:
        from steadygan.runs.files import from_here
        from steadygan.sweeps.slurm.queue import LOGS
        from steadygan.sweeps.slurm.submit import submit

        submitted = submit(works, self.resources, root, self.threads)
        ids = ", ".join(f"{job} ({name})" for name, job in submitted.items())
        jobs = sum(len(work.jobs) for work in works)
        say(f"submitted {jobs} {'run' if jobs == 1 else 'runs'} to Slurm: {ids}; logs in {from_here(root / LOGS)}")
        if not self.wait:
            say(f"steadygan watch {from_here(root)} shows how they go; the same command again submits what is missing")
