"""One run: a Lightning fit that writes the run's files, can be stopped anywhere and goes on where it was."""

import logging
import warnings
from typing import Any

import lightning
import torch
from lightning.pytorch.plugins.environments import LightningEnvironment

from steadygan.common.signals import Interrupt
from steadygan.distributed.join import device, joined, normalised
from steadygan.distributed.other_rank import OtherRank
from steadygan.distributed.process_group import SingleProcess
from steadygan.runs.job import Job, Report
from steadygan.training.callbacks.bookkeeper import Bookkeeper
from steadygan.training.components import DTYPES, Components
from steadygan.training.module import GANModule


def run(components: Components, job: Job, report: Report) -> str:
    """Train ``job`` to its number of iterations, from its checkpoint where there is one.

    Where the trainer asks for several processes, this is what each of them calls.

    Returns:
        ``completed``, ``diverged`` or ``preempted``; ``summary.json`` says the same.
    """
    trainer = job.config["trainer"]
    with joined(trainer) as ranks, normalised(ranks, trainer, components.networks):
        return _run(components, job, report, ranks)


def _run(components: Components, job: Job, report: Report, ranks: SingleProcess) -> str:
    config = job.config
    gan = GANModule(components, job.seed, config["batch_size"], DTYPES[str(config["trainer"]["precision"])], ranks)
    book = OtherRank(components, job, gan) if ranks.rank else Bookkeeper(components, job, report, gan)
    book.open()
    try:
        gan.adopt(ranks.broadcast(gan.progress()))
        with Interrupt() as interrupt:
            book.interrupt = ranks.interrupt = interrupt
            if gan.iteration < job.iterations:
                _before(components, gan, book)
            if gan.diverged_at is None and gan.iteration < job.iterations and not ranks.stops:
                fit(gan, book, config["trainer"])
        status = book.close()
    finally:
        book.logger_close()
    return status


def _before(components: Components, gan: GANModule, book: Bookkeeper | OtherRank) -> None:
    """Run what the scheme has to do before the first iteration, or the rest of it."""
    prepare = components.scheme.before(components.dataset) if gan.iteration == 0 else None
    if prepare is not None:
        prepare(gan, book)


def fit(gan: GANModule, book: Bookkeeper | OtherRank, settings: dict[str, Any]) -> None:
    """Lightning's loop over the numbers of the iterations that are left; everything else is ours.

    Each process has a loop of its own on its one device.

    Raises:
        KeyboardInterrupt: at a second Ctrl-C.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        warnings.filterwarnings("ignore", message=".*(no optimizer|`TORCH_|srun).*")
        trainer = lightning.Trainer(
            **_on(device(settings)),
            plugins=[LightningEnvironment()],
            max_epochs=1,
            callbacks=[_Hooks(book)],
            default_root_dir=book.job.directory,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
        try:
            trainer.fit(gan, train_dataloaders=range(gan.iteration, book.job.iterations))
        except SystemExit as error:
            if isinstance(error.__context__, KeyboardInterrupt):  # Lightning would end the process with exit code 1
                raise error.__context__ from None
            raise


def _on(device: torch.device) -> dict[str, Any]:
    if device.type == "cuda":
        return {"accelerator": "gpu", "devices": [device.index]}
    return {"accelerator": "cpu", "devices": 1}


class _Hooks(lightning.Callback):
    """Calls the bookkeeper where Lightning lets it, and stops where the run stops."""

    def __init__(self, book: Bookkeeper | OtherRank) -> None:
        self.book = book

    def on_train_start(self, trainer: lightning.Trainer, *_: Any) -> None:
        self.book.interrupt.install()
        # One that came since Lightning had taken the signals is known to us; Lightning would raise SystemExit at it.
        trainer._signal_connector.received_sigterm = False

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        if self.book.gan.diverged_at is not None:
            trainer.should_stop = True
            return
        self.book.after()
        if self.book.gan.ranks.stops:
            trainer.should_stop = True
