"""From a process to one of a run's processes."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from lightning.pytorch.plugins.environments import SLURMEnvironment

from steadygan.engines.distributed.place import Place, place
from steadygan.engines.distributed.ranks import Alone, Together, gathering
from steadygan.networks.norms import BatchNorm, synchronised

TIMEOUT = 1800
"""Seconds to wait for another process, where the trainer does not say."""


_inside: list[Place] = []


@contextmanager
def joined(trainer: Mapping[str, Any]) -> Iterator[Alone]:
    """Join the other processes of a run, if there are any, and leave them in the end; inside another, stay with them.

    Args:
        trainer: the config's.
    """
    here = place(trainer)
    if here is None:
        yield Alone()
        return
    outer = not _inside
    if outer:
        _join(here, trainer)
    _inside.append(here)
    try:
        yield Together(here.rank, here.count)
    finally:
        _inside.pop()
    if outer:  # not after an error: the others would see the end of the group before the error is told
        dist.destroy_process_group()


@contextmanager
def normalised(ranks: Alone, trainer: Mapping[str, Any], networks: Mapping[str, torch.nn.Module]) -> Iterator[None]:
    """Inside, batch normalisation is by the whole batch; or, if the trainer says so, by the part of each process.

    Args:
        ranks: from ``joined``.
        trainer: the config's.
        networks: that are trained.
    """
    if ranks.count > 1 and trainer.get("sync_batchnorm", True):
        with synchronised(gathering(ranks.rank, ranks.count)):
            yield
    else:
        ranks.local_buffers = ranks.count > 1 and _has_batch_norm(networks)
        yield


def _join(here: Place, trainer: Mapping[str, Any]) -> None:
    if dist.is_initialized():  # a run before this one has failed
        dist.destroy_process_group()
    own = device(trainer)
    if own.type == "cuda":
        torch.cuda.set_device(own)
    how: dict[str, Any] = {"init_method": "env://"}
    if here.starter == "Slurm":
        slurm = SLURMEnvironment(auto_requeue=False)
        how["init_method"] = f"tcp://{slurm.main_address}:{slurm_port()}"
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if own.type == "cuda" else "gloo",
        rank=here.rank,
        world_size=here.count,
        timeout=timedelta(seconds=trainer.get("timeout", TIMEOUT)),
        **how,
    )


def slurm_port() -> int:
    """Return a port that the tasks of a Slurm step agree on, another for each step that runs at the same time."""
    if "MASTER_PORT" in os.environ:
        return int(os.environ["MASTER_PORT"])
    job, step = (int(os.environ.get(name, 0)) for name in ("SLURM_JOB_ID", "SLURM_STEP_ID"))
    return 15_000 + (31 * job + step) % 15_000


def device(trainer: Mapping[str, Any]) -> torch.device:
    """Where this process trains."""
    if trainer["accelerator"] == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    here = place(trainer)
    return torch.device("cuda", here.local % torch.cuda.device_count() if here else 0)


def _has_batch_norm(networks: Mapping[str, torch.nn.Module]) -> bool:
    return any(isinstance(layer, BatchNorm) for network in networks.values() for layer in network.modules())
