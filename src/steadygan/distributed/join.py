"""Joining and leaving the process group of a run."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment

from steadygan.config.node import Config
from steadygan.distributed.cluster import RankInfo, rank_info
from steadygan.distributed.process_group import ProcessGroup, SingleProcess, differentiable_gather
from steadygan.networks.layers.norms import BatchNorm, synchronised

TIMEOUT = 1800
"""Seconds to wait for another process, where the trainer does not say."""


_inside: list[RankInfo] = []


@contextmanager
def joined(trainer: Config) -> Iterator[SingleProcess]:
    """Join the process group of a run, if it has one, and leave it at the end; nested calls stay in the outer one.

    Args:
        trainer: the config's.
    """
    info = rank_info(trainer)
    if info is None:
        yield SingleProcess()
        return
    outer = not _inside
    if outer:
        _join(info, trainer)
    _inside.append(info)
    try:
        yield ProcessGroup(info.rank, info.world_size)
    finally:
        _inside.pop()
    if outer:  # not after an error: the others would see the end of the group before the error is reported
        dist.destroy_process_group()


@contextmanager
def normalised(ranks: SingleProcess, trainer: Config, networks: Mapping[str, torch.nn.Module]) -> Iterator[None]:
    """Normalise by the global batch; by each process's part if ``trainer.sync_batchnorm`` is false.

    Args:
        ranks: from ``joined``.
        trainer: the config's.
        networks: those that are trained.
    """
    if ranks.world_size > 1 and trainer.get("sync_batchnorm", True):
        with synchronised(differentiable_gather(ranks.rank, ranks.world_size)):
            yield
    else:
        ranks.local_buffers = ranks.world_size > 1 and _has_batch_norm(networks)
        yield


def _join(info: RankInfo, trainer: Config) -> None:
    if dist.is_initialized():  # a run before this one has failed
        dist.destroy_process_group()
    local_device = device(trainer)
    if local_device.type == "cuda":
        torch.cuda.set_device(local_device)
    init_method = "env://"
    if info.launcher == "Slurm":
        slurm = SLURMEnvironment(auto_requeue=False)
        init_method = f"tcp://{slurm.main_address}:{slurm_port()}"
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if local_device.type == "cuda" else "gloo",
        rank=info.rank,
        world_size=info.world_size,
        timeout=timedelta(seconds=trainer.get("timeout", TIMEOUT)),
        init_method=init_method,
    )


def slurm_port() -> int:
    """Return a port that all tasks of a Slurm step compute alike, and that differs between steps."""
    if "MASTER_PORT" in os.environ:
        return int(os.environ["MASTER_PORT"])
    job, step = (int(os.environ.get(name, 0)) for name in ("SLURM_JOB_ID", "SLURM_STEP_ID"))
    return 15_000 + (31 * job + step) % 15_000


def device(trainer: Config) -> torch.device:
    """Return the device on which this process trains."""
    if trainer["accelerator"] == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    info = rank_info(trainer)
    return torch.device("cuda", info.local_rank % torch.cuda.device_count() if info else 0)


def _has_batch_norm(networks: Mapping[str, torch.nn.Module]) -> bool:
    return any(isinstance(layer, BatchNorm) for network in networks.values() for layer in network.modules())
