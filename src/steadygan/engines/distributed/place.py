"""How many processes a run is to be trained by, and which of them this one is."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from steadygan.errors import UserError, bad_value
from steadygan.targets import metric_nodes

TORCHRUN = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
ACCELERATORS = ("cpu", "gpu", "auto")
SLURM = ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS")


@dataclass(frozen=True)
class Place:
    """One process among those that somebody else has started.

    Attributes:
        rank: its number, from 0.
        count: of all processes.
        local: its number among those of this machine.
        starter: what started them, as a user knows it.
    """

    rank: int
    count: int
    local: int
    starter: str


def processes(trainer: Mapping[str, Any]) -> int:
    """Return how many processes a trainer asks for, on all nodes; one for each device.

    Raises:
        UserError: ``devices`` or ``num_nodes`` is no such number.
    """
    return _devices(trainer) * _whole("trainer.num_nodes", trainer.get("num_nodes", 1))


def _check_settings(trainer: Mapping[str, Any]) -> None:
    timeout, together = trainer.get("timeout", 1), trainer.get("sync_batchnorm", True)
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout > 0:
        raise bad_value("trainer.timeout", timeout, "must be a number of seconds greater than 0")
    if not isinstance(together, bool):
        raise bad_value("trainer.sync_batchnorm", together, "no such choice", ["true", "false"])
    if trainer["accelerator"] not in ACCELERATORS:
        raise bad_value("trainer.accelerator", trainer["accelerator"], "no such choice", ACCELERATORS)


def _devices(trainer: Mapping[str, Any]) -> int:
    devices = trainer["devices"]
    if devices != "auto":
        return _whole("trainer.devices", devices)
    if trainer["accelerator"] == "cpu":
        return 1
    import torch

    return max(1, torch.cuda.device_count())


def _whole(key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise bad_value(key, value, "must be a whole number of at least 1")
    return value


def started() -> Place | None:
    """This process's place among those of torchrun, or of a Slurm step with several tasks."""
    if all(name in os.environ for name in TORCHRUN):
        rank, count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        return Place(rank, count, int(os.environ.get("LOCAL_RANK", rank)), "torchrun")
    # ``SLURM_NTASKS`` is also there in a batch script, which is one process; steps are what srun starts.
    if all(name in os.environ for name in SLURM) and int(os.environ["SLURM_STEP_NUM_TASKS"]) > 1:
        rank, count = (int(os.environ[name]) for name in SLURM)
        return Place(rank, count, int(os.environ.get("SLURM_LOCALID", rank)), "Slurm")
    return None


def place(trainer: Mapping[str, Any]) -> Place | None:
    """This process's place in a run; None where the run trains here alone, or its processes are still to be started.

    Raises:
        UserError: there are other than so many processes.
    """
    count, found = processes(trainer), started()
    if count == 1 or found is None:
        return None
    if found.count != count:
        nodes = trainer.get("num_nodes", 1)
        asked = f"{trainer['devices']} on each of {nodes} nodes" if nodes > 1 else "one for each"
        raise bad_value(
            "trainer.devices", trainer["devices"], f"{found.starter} started {found.count} tasks, not {asked}"
        )
    return found


def rank(trainer: Mapping[str, Any]) -> int:
    """0 for the process that writes the run's files; also where it trains alone or starts the others."""
    found = place(trainer)
    return 0 if found is None else found.rank


def spawns(trainer: Mapping[str, Any]) -> bool:
    """Return whether the processes of the run are still to be started by this one."""
    return processes(trainer) > 1 and place(trainer) is None


def check(config: Mapping[str, Any], here: bool = True) -> None:
    """Whether a run can be shared out as its config says.

    Args:
        config: of the run.
        here: whether it is to be trained on this machine.

    Raises:
        UserError: it cannot.
    """
    trainer = config["trainer"]
    _check_settings(trainer)
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
    if place(trainer) is None and trainer.get("num_nodes", 1) > 1:
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

    found = torch.cuda.device_count()
    # Slurm may show each task its own GPU alone.
    if started() is None and devices != "auto" and devices > found:
        raise bad_value("trainer.devices", devices, f"this machine has {found} GPUs that torch can use")


def refuse_started(what: str) -> None:
    """For what starts processes itself.

    Raises:
        UserError: torchrun or Slurm has started several of this process, which would each do all of it.
    """
    found = started()
    if found is not None and found.count > 1:
        raise UserError(
            f"{what} starts the processes of its runs itself, and {found.starter} has started {found.count} of it.\n"
            "Start it once, or start one run with `steadygan train` in its place"
        )
