"""``hydra/launcher=slurm``: the jobs of a multirun as an array of Slurm jobs."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from hydra.core.utils import JobReturn

from hydra_plugins.steadygan.local import Statuses
from hydra_plugins.steadygan.population import PopulationLauncher

if TYPE_CHECKING:
    from rich.console import Console

    from steadygan.runs.job import Job
    from steadygan.sweeps.populations import Limits
    from steadygan.sweeps.slurm.submit import Work


class SlurmLauncher(PopulationLauncher):
    """As the local launcher, but what is missing is submitted to Slurm; what is in its queue already is not.

    With an engine that trains several runs as one (it has the key ``members``) each task of the array is a group.

    Args:
        wait: for the end of all jobs; else return as soon as they are submitted.
        poll: seconds between two looks at Slurm's queue.
        **settings: those of the population launcher, where ``memory`` is the share of ``mem_gb`` that a group may take
            and ``workers`` how many tasks groups are split to (``auto``: no more than have to be); the rest is what
            each task asks for, see ``steadygan.sweeps.slurm.submit.Resources``.
    """

    here: ClassVar[bool] = False
    group: ClassVar[str] = "hydra.launcher"

    def __init__(self, wait: bool = True, poll: float = 10.0, **settings: object) -> None:
        ours = {field.name for field in fields(PopulationLauncher)} & settings.keys()
        super().__init__()
        vars(self).update({key: settings.pop(key) for key in ours})
        self.wait, self.poll, self.requested = wait, poll, settings
        self.workers = 1 if self.workers == "auto" else self.workers

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """As the local launcher.

        Raises:
            UserError: also where there is no Slurm, or it does not take the jobs.
        """
        from steadygan.sweeps.slurm import queue as slurm_queue
        from steadygan.sweeps.slurm.submit import Resources

        slurm_queue.check()
        self.resources = replace(Resources(), **self.requested)
        return super().launch(job_overrides, initial_job_idx)

    def _todo(self, jobs: "Sequence[Job]") -> Statuses:
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

    def _run(self, missing: "Sequence[Job]", workers: int, console: "Console") -> Statuses:
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

    def _works(self, jobs: "Sequence[Job]", workers: int, console: "Console") -> "list[Work]":
        """Return what to submit: runs, and groups of runs."""
        from steadygan.sweeps.slurm.submit import Work

        together = [job for job in jobs if "members" in job.config["engine"]]
        works = [Work("steadygan.sweeps.executing:execute_later", job, (job,)) for job in jobs if job not in together]
        if together:
            groups = self._form(together, self._limits(together, workers), console).groups
            works += [Work("steadygan.sweeps.executing:execute_group_later", group, group.jobs) for group in groups]
        return works

    def _limits(self, jobs: "Sequence[Job]", workers: int) -> "Limits":
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

    def _submit(self, works: "Sequence[Work]", root: Path, say: Callable[[str], object]) -> None:
        from steadygan.runs.files import from_here
        from steadygan.sweeps.slurm.queue import LOGS
        from steadygan.sweeps.slurm.submit import submit

        submitted = submit(works, self.resources, root, self.threads)
        ids = ", ".join(f"{job} ({name})" for name, job in submitted.items())
        jobs = sum(len(work.jobs) for work in works)
        say(f"submitted {jobs} {'run' if jobs == 1 else 'runs'} to Slurm: {ids}; logs in {from_here(root / LOGS)}")
        if not self.wait:
            say(f"steadygan watch {from_here(root)} shows how they go; the same command again submits what is missing")
