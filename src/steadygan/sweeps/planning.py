"""From a composed config to a job: all that can be told of a run without training it."""

import functools
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import torch
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from steadygan.common.errors import UserError, bad_value, first_line
from steadygan.config.building import build
from steadygan.config.check import check_numbers
from steadygan.config.complete import complete
from steadygan.config.instantiation import check_engine
from steadygan.config.network_keys import check_network
from steadygan.config.node import Config
from steadygan.config.targets import check_targets, placed
from steadygan.distributed import cluster
from steadygan.networks.labels.base import check_range
from steadygan.population import compiling
from steadygan.population.memory import member_bytes
from steadygan.runs import files, success_criterion, threshold
from steadygan.runs.job import Job, action
from steadygan.runs.signature import label, run_directory, signature
from steadygan.training.components import DTYPES

LONGEST_NAME = 255
"""Bytes that file systems allow."""


def plan(
    config: DictConfig,
    overrides: Sequence[str],
    here: bool = True,
    folders: Mapping[str | None, Path] = MappingProxyType({}),
) -> Job:
    """Return the job of a config; nothing is written.

    Args:
        config: of the run.
        overrides: that the user asked for.
        here: whether it is to be trained on this machine.
        folders: that were named for runs; see ``run_directory``.

    Raises:
        UserError: the config cannot be run as it is.
    """
    plain = complete(_resolve(config))
    check_targets(plain)
    plain = placed(plain)
    check_network(config)
    plain = check_numbers(plain)
    _check_choices(plain, here)
    _check_parts(json.dumps({key: value for key, value in plain.items() if key != "seed"}))
    signed = signature(plain)
    root = Path(plain["outputs"]) / str(plain["name"])
    _check_name(plain["name"])
    _check_writable(root, root)
    called = label(plain["method"], overrides)
    directory = run_directory(root, signed, overrides, folders).absolute()
    known = files.read_summary(directory) or {}
    job = Job(
        config=plain,
        overrides=tuple(overrides),
        directory=directory,
        signature=signed,
        label=str(known.get("label") or called),
        method=plain["method"] or str(known.get("method") or called),
        seed=plain["seed"],
        iterations=plain["iterations"],
    )
    if not action(job).startswith("skip"):
        _check_writable(job.directory, root)
    return job


def member_size(job: Job) -> int:
    """Return how many bytes the job would take as one member of a population."""
    return member_bytes(build(job.config), job.config["batch_size"], str(job.config["trainer"]["precision"]))


def _resolve(config: DictConfig) -> Config:
    try:
        plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise UserError(": ".join(filter(None, [error.full_key, first_line(error)]))) from error
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items() if key != "hydra"}


def _check_choices(config: Config, here: bool) -> None:
    precision = str(config["trainer"]["precision"])
    if precision not in DTYPES:
        raise bad_value("trainer.precision", precision, "unknown precision", DTYPES)
    if here and config["trainer"]["accelerator"] == "gpu" and not torch.cuda.is_available():
        raise bad_value("trainer.accelerator", "gpu", "this machine has no GPU that torch can use", ["cpu"])
    cluster.check(config, here)
    if not isinstance(config["metrics"]["raw"], bool):
        raise bad_value("metrics.raw", config["metrics"]["raw"], "must be true or false")
    kept = config["engine"].get("files", "all")
    if kept not in ("all", "summary"):
        raise bad_value("engine.files", kept, "no such choice", ["all", "summary"])
    compiling.check(config["engine"])


@functools.lru_cache(maxsize=1024)
def _check_parts(config: str) -> None:
    """Build what a config, as JSON and without its seed, asks for; once for all seeds."""
    plain = json.loads(config)
    components = build({**plain, "seed": 0})
    check_engine(plain["engine"])
    if components.sampling.labelling.classes is not None:
        check_range(components.dataset, components.sampling.labelling.classes)
    best, directions = plain["keep_best"], components.directions
    if best is not None and not (isinstance(best, str) and best in directions):
        raise bad_value("keep_best", best, "this run has no such metric", [*directions, "null"])
    for bound in threshold.parse(plain.get(threshold.OF_RUN), threshold.OF_RUN):
        success_criterion.check_bound(bound, directions, threshold.OF_RUN)


def _check_name(name: object) -> None:
    names = Path(str(name)).parts
    if not names or Path(str(name)).is_absolute() or ".." in names:
        raise bad_value("name", name, "must be a folder's name below `outputs`")
    if not str(name).isprintable() or any(len(os.fsencode(part)) > LONGEST_NAME for part in names):
        problem = f"must be printable, and at most {LONGEST_NAME} bytes between two slashes"
        raise bad_value("name", repr(name)[:80], problem)


def _check_writable(path: Path, root: Path) -> None:
    existing = next(folder for folder in [path.absolute(), *path.absolute().parents] if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise bad_value("outputs", root, f"no permission to write in {existing}")
