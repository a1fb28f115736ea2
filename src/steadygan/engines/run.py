"""One run: a Lightning fit that writes the run's files, can be stopped anywhere and goes on where it was."""

import logging
import warnings
from typing import Any

import lightning

from steadygan.engines.bookkeeper import Bookkeeper
from steadygan.engines.interrupt import Interrupt
from steadygan.engines.module import GAN
from steadygan.engines.parts import DTYPES, Job, Parts, Report


def run(parts: Parts, job: Job, report: Report) -> str:
    """Train ``job`` to its number of iterations, from its checkpoint where there is one.

    Returns:
        ``completed``, ``diverged`` or ``preempted``; ``summary.json`` says the same.
    """
    config = job.config
    gan = GAN(parts, job.seed, config["batch_size"], DTYPES[str(config["trainer"]["precision"])])
    book = Bookkeeper(parts, job, report, gan)
    book.open()
    try:
        with Interrupt() as interrupt:
            book.interrupt = interrupt
            if gan.iteration < job.iterations:
                fit(gan, book, config["trainer"])
        status = book.close()
    finally:
        book.logger_close()
    return status


def fit(gan: GAN, book: Bookkeeper, trainer: dict[str, Any]) -> None:
    """Lightning's loop over the numbers of the iterations that are left; everything else is ours."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        warnings.filterwarnings("ignore", message=".*(no optimizer|`TORCH_|srun).*")
        lightning.Trainer(
            accelerator=trainer["accelerator"],
            devices=trainer["devices"],
            max_epochs=1,
            callbacks=[_Hooks(book)],
            default_root_dir=book.job.directory,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        ).fit(gan, train_dataloaders=range(gan.iteration, book.job.iterations))


class _Hooks(lightning.Callback):
    """Calls the bookkeeper where Lightning lets it, and stops where the run stops."""

    def __init__(self, book: Bookkeeper) -> None:
        self.book = book

    def on_train_start(self, *_: Any) -> None:
        self.book.interrupt.install()

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        if self.book.gan.diverged_at is not None:
            trainer.should_stop = True
            return
        self.book.after()
        if self.book.interrupt.requested:
            trainer.should_stop = True
