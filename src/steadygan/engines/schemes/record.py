"""The files of a run while it is pre-trained: ``pretrain.csv``, checkpoints, a picture in the end."""

from typing import Any

from steadygan import files, locks
from steadygan.engines.bookkeeper import Bookkeeper
from steadygan.engines.rows import Rows
from steadygan.engines.schemes.pretrain import Phase


class Record:
    """What there is to do between updates; for the process that writes the run's files.

    Args:
        book: of the run, opened.
        work: the ``Pretraining``, as its checkpoint has left it.
    """

    def __init__(self, book: Bookkeeper, work: Any) -> None:
        self.book, self.work = book, work
        self.rows = Rows(book.job.directory / files.PRETRAINING, [])
        reached = work.own["steps"]
        self.rows.keep(lambda row: int(row["step"]) <= reached)

    def row(self, phase: Phase, epoch: int) -> None:
        """The end of an epoch."""
        locks.check(self.book.job.directory)
        means = self.work.means()
        self.rows.write(
            {
                "phase": phase.player,
                "size": phase.size,
                "epoch": epoch,
                "step": self.work.own["steps"],
                "seconds": round(self.book.seconds, 3),
                "loss": means["loss"],
                "accuracy": means.get("accuracy"),
            }
        )

    def after(self, over: bool) -> None:
        """After each update; ``over``: it was the last of its phase."""
        own, every = self.work.own, self.book.job.config["checkpoint_every"]
        if self.work.phase is None:
            self.book.draw()
        if over or own["steps"] % every == 0 or self.book.checkpoints.overdue():
            locks.check(self.book.job.directory)
            self.rows.sync()
            self.book.checkpoint()
        self.book.progress(self._told())

    def _told(self) -> dict[str, Any] | None:
        phase, own = self.work.phase, self.work.own
        if phase is None:
            return None
        epoch = min(own["step"] * self.work.scheme.batch_size // self.work.data.num_data + 1, phase.epochs)
        text = f"pre-training {phase.name}, epoch {epoch}/{phase.epochs}"
        return {"text": text, "done": own["steps"], "total": sum(each.steps for each in self.work.phases)}
