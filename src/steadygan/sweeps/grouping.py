"""Which jobs of a multirun train together as one tensor program.

Jobs go together that differ in nothing but numbers which enter the mathematics as tensors, and seeds. A grouping is
recorded when it is first launched, since the bits of a member depend on how many train beside it: a run that goes on
later does so in the same slot of the same program, the slots of those that have ended being empty.
"""

import hashlib
import itertools
import json
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from steadygan.config.node import Config
from steadygan.config.targets import resolve
from steadygan.core.declare import ranges_of
from steadygan.core.settings import enters, is_number
from steadygan.runs import files
from steadygan.runs.checkpoint_manager import resume_iteration
from steadygan.runs.job import Job
from steadygan.training.batches import ENGINE_KEYS

RECORDS = ".populations"
"""The folder of the records, beside those of the runs."""

FREE = ("seed", "method", "retry", "engine")
"""Root keys in which members may differ."""

NUMBER = "<number>"


@dataclass(frozen=True)
class Group:
    """Jobs that train together. Picklable.

    Attributes:
        slots: a job each, or None for a member of the first launch that does not train now.
        record: the file that fixes the grouping and whether it is compiled.
        compile: what the engine's setting says; a record knows better.
        alone: why its only job cannot be part of a program, if so.
        place: among the groups.
    """

    slots: tuple[Job | None, ...]
    record: Path
    compile: str | bool = "auto"
    alone: str | None = None
    index: int = 0

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Those that train."""
        return tuple(job for job in self.slots if job is not None)

    def recorded(self) -> str | bool:
        """Return whether the first launch compiled its program; the engine's setting where there was none."""
        return (read_record(self.record) or {}).get("compiled", self.compile)

    def together(self) -> str | int:
        """Return how many settings one call computed at the first launch, or what the engine's setting says."""
        return (read_record(self.record) or {}).get("together", self.jobs[0].config["engine"].get("together", "auto"))

    def write(self, compiled: bool, together: int) -> None:
        """Fix the grouping, unless it is."""
        known = read_record(self.record)
        now = {"compiled": compiled, "together": together}
        if known is None or any(known[key] != value for key, value in now.items()):
            slots = known["seats"] if known else [job.signature for job in self.jobs]
            files.write_json(self.record, {"seats": slots, **now, "written": time.time()})


def read_record(path: Path) -> Config | None:
    """Return ``seats`` (signatures), ``compiled``, ``together``, ``written``; None where no record can be read."""
    try:
        record = json.loads(path.read_text())
        return record if {"seats", "compiled", "together", "written"} <= record.keys() else None
    except (OSError, ValueError, AttributeError):
        return None


def static(config: Config) -> str:
    """Return all of a config that members must share, as text: numbers that enter the mathematics are left blank."""
    kept = {key: value for key, value in config.items() if key not in FREE}
    for key in ("loss", "noise", "ema", "game", "labels"):
        kept[key] = _blank(kept[key], ENGINE_KEYS.get(key, ()))
    kept["discriminator"] = {**kept["discriminator"], "vote": _blank(kept["discriminator"]["vote"])}
    for key in ("regularizer", "optimizer"):
        kept[key] = {name: _blank(node, ENGINE_KEYS.get(key, ())) for name, node in (kept[key] or {}).items()}
    return json.dumps(kept, sort_keys=True)


def _blank(node: Config, engine: Sequence[str] = ()) -> Config:
    """Return the node with a placeholder for each hyperparameter (see ``steadygan.core.settings``).

    The keys that speak to the engine stay.
    """
    ranges = ranges_of(resolve(node["_target_"]))
    blank = {}
    for key, value in node.items():
        if isinstance(value, Mapping) and "_target_" in value:
            value = _blank(value)
        elif is_number(value) and key not in engine and enters(key, ranges):
            value = NUMBER
        blank[key] = value
    return blank


def group(
    jobs: Sequence[Job],
    *,
    workers: int,
    most: Callable[[Job], int],
    alone: Callable[[Job], str | None] = lambda job: None,
    compile: str | bool = "auto",
) -> list[Group]:
    """Return all jobs in groups, the largest first; groups recorded before are kept.

    Args:
        jobs: that are to run.
        workers: processes that train at the same time; groups are split so that none of them idles.
        most: how many jobs like this one may train in one process.
        alone: why a job must train alone, or None.
        compile: what the engine's setting says.
    """
    single = {job.signature: reason for job in jobs if (reason := alone(job))}
    rest = [job for job in jobs if job.signature not in single]
    known, fresh = _recorded(rest)
    limit = math.ceil(len(jobs) / max(workers, 1))
    parts = [
        (tuple(part), None) for together in _alike(fresh) for part in _split(together, min(limit, most(together[0])))
    ]
    parts += [((job,), single[job.signature]) for job in jobs if job.signature in single]
    groups = [Group(slots, record, compile) for slots, record in known]
    groups += [Group(slots, _record(slots), compile, reason) for slots, reason in parts]
    groups.sort(key=lambda each: len(each.slots), reverse=True)
    return [Group(g.slots, g.record, g.compile, g.alone, index) for index, g in enumerate(groups)]


def _alike(jobs: Iterable[Job]) -> list[list[Job]]:
    """By static configuration and iteration; those that share a seed stand together, as they share draws."""
    groups: dict[tuple[str, int], list[Job]] = {}
    for job in jobs:
        groups.setdefault((static(job.config), resume_iteration(job)), []).append(job)
    return [sorted(members, key=lambda job: job.seed) for members in groups.values()]


def _split(jobs: Sequence[Job], limit: int) -> list[Sequence[Job]]:
    """Pieces of at most ``limit``, of sizes as equal as can be."""
    count = math.ceil(len(jobs) / max(limit, 1))
    ends = [round(len(jobs) * piece / count) for piece in range(count + 1)]
    return [jobs[start:end] for start, end in itertools.pairwise(ends)]


def _record(slots: Sequence[Job]) -> Path:
    config = slots[0].config
    name = hashlib.sha256(" ".join(job.signature for job in slots).encode()).hexdigest()[:16]
    return (Path(str(config["outputs"])) / str(config["name"]) / RECORDS / f"{name}.json").absolute()


def _recorded(jobs: Sequence[Job]) -> tuple[list[tuple[tuple[Job | None, ...], Path]], list[Job]]:
    """The groups of jobs that were begun in a recorded group, and the other jobs.

    Members of one record that stand at different iterations (some were killed between their checkpoints) go on in
    programs of their own, each with all the slots.
    """
    records = _records(jobs)
    groups: dict[tuple, dict[str, Job]] = {}
    fresh = []
    for job in jobs:
        path = records.get(job.signature)
        if path is None or not _begun(job):
            fresh.append(job)
        else:
            groups.setdefault((path, static(job.config), resume_iteration(job)), {})[job.signature] = job
    known = []
    for (path, _, _), members in groups.items():
        slots = (read_record(path) or {})["seats"]
        known.append((tuple(members.get(signature) for signature in slots), path))
    return known, fresh


def _records(jobs: Iterable[Job]) -> dict[str, Path]:
    """Return the last record in which each signature has a slot."""
    folders = {_record((job,)).parent for job in jobs}
    read = [(path, record) for folder in folders for path in folder.glob("*.json") if (record := read_record(path))]
    read.sort(key=lambda pair: pair[1]["written"])
    return {signature: path for path, record in read for signature in record["seats"]}


def _begun(job: Job) -> bool:
    summary = files.read_summary(job.directory)
    return summary is not None and summary["status"] != "failed"
