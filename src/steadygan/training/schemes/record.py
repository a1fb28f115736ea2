"""The files of a run while it is pre-trained: ``pretrain.csv``, checkpoints, a picture in the end."""

from typing import TYPE_CHECKING

from steadygan.runs import files, locks
from steadygan.runs.job import PhaseProgress
from steadygan.runs.metrics_writer import MetricsWriter
from steadygan.training.callbacks.progress import Progress
from steadygan.training.callbacks.samples import Samples
from steadygan.training.context import RunContext
from steadygan.training.schemes.pretrain import Phase

if TYPE_CHECKING:
    from steadygan.training.schemes.pretraining import Pretraining


class Record:
    """Writes the run's files between updates of pre-training, on rank 0.

    Args:
        run: opened.
        work: the ``Pretraining``, as its checkpoint has left it.
    """

    def __init__(self, run: RunContext, work: "Pretraining") -> None:
        self.run, self.work = run, work
        self.rows = MetricsWriter(run.job.directory / files.PRETRAINING, [])
        reached = work.progress["steps"]
        self.rows.keep(lambda row: int(row["step"]) <= reached)

    def row(self, phase: Phase, epoch: int) -> None:
        """The end of an epoch."""
        locks.check(self.run.job.directory)
        means = self.work.means()
        self.rows.write(
            {
                "phase": phase.player,
                "size": phase.size,
                "epoch": epoch,
                "step": self.work.progress["steps"],
                "seconds": round(self.run.seconds, 3),
                "loss": means["loss"],
                "accuracy": means.get("accuracy"),
            }
        )

    def after(self, over: bool) -> None:
        """After each update; ``over``: it was the last of its phase."""
        progress, every = self.work.progress, self.run.job.config["checkpoint_every"]
        if self.work.phase is None:
            self.run.find(Samples).draw()
        if over or progress["steps"] % every == 0 or self.run.checkpoints.overdue():
            locks.check(self.run.job.directory)
            self.rows.sync()
            self.run.save()
        self.run.find(Progress).report(self._report())

    def _report(self) -> PhaseProgress | None:
        phase, progress = self.work.phase, self.work.progress
        if phase is None:
            return None
        epoch = min(progress["step"] * self.work.scheme.batch_size // self.work.data.num_data + 1, phase.epochs)
        text = f"pre-training {phase.name}, epoch {epoch}/{phase.epochs}"
        return {"text": text, "done": progress["steps"], "total": sum(each.steps for each in self.work.phases)}
