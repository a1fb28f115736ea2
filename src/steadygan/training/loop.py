"""One run: a Lightning fit that writes the run's files, can be stopped anywhere and goes on where it was."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import lightning
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.strategies import SingleDeviceStrategy

from steadygan.common.signals import Interrupt
from steadygan.distributed.join import device, joined, normalised
from steadygan.distributed.process_group import SingleProcess
from steadygan.loggers.trainer import trainer_logger
from steadygan.runs.job import Job, Report
from steadygan.training.callbacks import run_callbacks
from steadygan.training.components import DTYPES, Components
from steadygan.training.context import RunContext
from steadygan.training.data import RunData
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
    context = RunContext(components, job, report, gan)
    context.callbacks = run_callbacks(context)
    context.open()
    try:
        gan.adopt(ranks.broadcast(gan.progress()))
        with Interrupt() as interrupt:
            ranks.interrupt = interrupt
            if gan.iteration == 0 and (prepare := components.scheme.before(components.dataset)) is not None:
                prepare(gan, context)
            if gan.diverged_at is None and gan.iteration < job.iterations and not ranks.stops:
                fit(gan, context)
        return context.close()
    finally:
        context.teardown()


def fit(gan: GANModule, run: RunContext) -> None:
    """Have Lightning's Trainer go through the iterations that are left, an epoch from one evaluation to the next.

    Each process has a Trainer of its own on its one device.

    Raises:
        KeyboardInterrupt: at a second Ctrl-C.
    """
    job, every, own = run.job, run.job.config["evaluate_every"], run.components.callbacks
    on = device(job.config["trainer"])
    with _quiet():
        trainer = lightning.Trainer(
            accelerator="gpu" if on.type == "cuda" else "cpu",
            devices=1 if on.index is None else [on.index],
            strategy=OneOfSeveral(on, gan.ranks.rank) if gan.ranks.world_size > 1 else "auto",
            plugins=[LightningEnvironment()],
            max_epochs=-(-job.iterations // every),
            callbacks=[*run.callbacks, *own],
            default_root_dir=job.directory,
            logger=trainer_logger(run.components.logger) if own else False,
            log_every_n_steps=job.config["log_every"],
            enable_checkpointing=any(isinstance(each, Checkpoint) for each in own),
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
        _begin_at(trainer, gan.iteration, every)
        try:
            trainer.fit(gan, datamodule=RunData(gan, job.iterations, every))
        except SystemExit as error:
            if isinstance(error.__context__, KeyboardInterrupt):  # Lightning would end the process with exit code 1
                raise error.__context__ from None
            raise
    run.stopped_early = gan.iteration < job.iterations and gan.diverged_at is None and not gan.ranks.stops


class OneOfSeveral(SingleDeviceStrategy):
    """The strategy of a process that trains with others: they average gradients in the step, not by Lightning."""

    def __init__(self, device: torch.device, rank: int) -> None:
        super().__init__(device)
        self.global_rank = rank

    @property
    def is_global_zero(self) -> bool:
        """Whether this process writes files."""
        return self.global_rank == 0


def _begin_at(trainer: lightning.Trainer, iteration: int, every: int) -> None:
    """Have the Trainer count from where the run is."""
    loop = trainer.fit_loop
    for stage in ("ready", "started", "processed", "completed"):
        setattr(loop.epoch_progress.current, stage, iteration // every)
    loop.epoch_loop.manual_optimization.optim_step_progress.total.completed = iteration
    loop.epoch_loop._batches_that_stepped = iteration


@contextmanager
def _quiet() -> Iterator[None]:
    """Lightning's advice is about optimizers, loaders and clusters that are not used."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        warnings.filterwarnings("ignore", message=".*(no optimizer|`TORCH_|srun).*")
        yield
