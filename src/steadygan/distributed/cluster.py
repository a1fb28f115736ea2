"""How many processes train a run, and which of them this one is."""

import os
from dataclasses import dataclass
from typing import Annotated, Literal

from steadygan.common.errors import UserError, bad_value
from steadygan.common.ranges import Count, count
from steadygan.common.typed import check_all
from steadygan.config.node import Config
from steadygan.config.targets import metric_nodes

TORCHRUN = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
ACCELERATORS = ("cpu", "gpu", "auto")
SLURM = ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS")


@dataclass(frozen=True)
class RankInfo:
    """One process among those that torchrun or Slurm has launched.

    Attributes:
        rank: from 0.
        world_size: number of processes.
        local_rank: rank among the processes of this machine.
        launcher: what launched them, for messages: ``torchrun`` or ``Slurm``.
    """

    rank: int
    world_size: int
    local_rank: int
    launcher: str


def processes(trainer: Config) -> int:
    """Return how many processes a trainer asks for, on all nodes; one per device.

    Raises:
        UserError: ``devices`` or ``num_nodes`` is not a positive whole number.
    """
    check_all(trainer, {"devices": Annotated[int | Literal["auto"], count], "num_nodes": Count}, "trainer.")
    return _devices(trainer) * int(trainer.get("num_nodes", 1))


def _devices(trainer: Config) -> int:
    devices = trainer["devices"]
    if devices != "auto":
        return int(devices)
    if trainer["accelerator"] == "cpu":
        return 1
    import torch

    return max(1, torch.cuda.device_count())


def launched() -> RankInfo | None:
    """Return this process's rank under torchrun or in a Slurm step with several tasks; None elsewhere."""
    if all(name in os.environ for name in TORCHRUN):
        rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        return RankInfo(rank, size, int(os.environ.get("LOCAL_RANK", rank)), "torchrun")
    # ``SLURM_NTASKS`` is also there in a batch script, which is one process; steps are what srun starts.
    if all(name in os.environ for name in SLURM) and int(os.environ["SLURM_STEP_NUM_TASKS"]) > 1:
        rank, size = (int(os.environ[name]) for name in SLURM)
        return RankInfo(rank, size, int(os.environ.get("SLURM_LOCALID", rank)), "Slurm")
    return None


def rank_info(trainer: Config) -> RankInfo | None:
    """Return this process's rank in a run; None if it trains in one process, or its processes are not yet started.

    Raises:
        UserError: another number of processes was launched than the trainer asks for.
    """
    count, info = processes(trainer), launched()
    if count == 1 or info is None:
        return None
    if info.world_size != count:
        nodes = trainer.get("num_nodes", 1)
        expected = f"{trainer['devices']} on each of {nodes} nodes" if nodes > 1 else "one for each"
        raise bad_value(
            "trainer.devices", trainer["devices"], f"{info.launcher} started {info.world_size} tasks, not {expected}"
        )
    return info


def rank(trainer: Config) -> int:
    """Return this process's rank; 0 also where it is the only one or still has to start the others."""
    info = rank_info(trainer)
    return 0 if info is None else info.rank


def spawns(trainer: Config) -> bool:
    """Return whether the processes of the run are still to be started by this one."""
    return processes(trainer) > 1 and rank_info(trainer) is None


def check(config: Config, here: bool = True) -> None:
    """Check that a run can be distributed as its config says.

    Args:
        config: of the run.
        here: whether it is to be trained on this machine.

    Raises:
        UserError: it cannot.
    """
    trainer = config["trainer"]
    if trainer["accelerator"] not in ACCELERATORS:
        raise bad_value("trainer.accelerator", trainer["accelerator"], "no such choice", ACCELERATORS)
    count = processes(trainer)
    sizes = {"batch_size": config["batch_size"], "scheme.batch_size": (config.get("scheme") or {}).get("batch_size", 0)}
    for key, size in sizes.items():
        if size % count:
            raise bad_value(key, size, f"must be a multiple of the {count} processes that share it")
    for name, node in metric_nodes(config["metrics"]).items():
        if node.get("samples", count) < count:
            raise bad_value(f"metrics.{name}.samples", node["samples"], f"fewer than the {count} processes")
    if not here or count == 1:
        return
    if rank_info(trainer) is None and trainer.get("num_nodes", 1) > 1:
        raise bad_value(
            "trainer.num_nodes",
            trainer["num_nodes"],
            "this command starts processes on this machine alone; start it with torchrun or srun, a task for each "
            "device, or choose hydra/launcher=slurm",
        )
    if trainer["accelerator"] == "gpu":
        _check_gpus(trainer["devices"])


def _check_gpus(devices: int | str) -> None:
    import torch

    count = torch.cuda.device_count()
    # Slurm may show each task its own GPU alone.
    if launched() is None and isinstance(devices, int) and devices > count:
        raise bad_value("trainer.devices", devices, f"this machine has {count} GPUs that torch can use")


def refuse_started(what: str) -> None:
    """Refuse a command that starts processes itself where torchrun or Slurm has launched several of it.

    Raises:
        UserError: there are several, each of which would do all the work.
    """
    info = launched()
    if info is not None and info.world_size > 1:
        raise UserError(
            f"{what} starts the processes of its runs itself, and {info.launcher} has started "
            f"{info.world_size} of it.\n"
            "Start it once, or start one run with `steadygan train` in its place"
        )
