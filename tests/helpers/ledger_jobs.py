"""Jobs that take no time but keep the ledger as real ones do; importable by workers."""

import time
from dataclasses import dataclass
from pathlib import Path

from steadygan.runs import files, locks


@dataclass(frozen=True)
class Tiny:
    directory: Path
    signature: str
    does: str = "completed"
    label: str = "r1"
    seed: int = 0
    iterations: int = 10


def action(job):
    done = files.read_summary(job.directory)
    return f"skip: {done['status']}" if done else "run"


def play(job, report):
    with locks.hold([job.directory]) as owners:
        if owners:
            return locks.ELSEWHERE
        said = action(job)
        if said.startswith("skip"):
            return said.removeprefix("skip: ")
        with (job.directory / "ran").open("a") as file:
            file.write("once\n")
        time.sleep(0.01)
        if job.does == "raises":
            files.write_json(job.directory / files.SUMMARY, {"status": "failed", "iteration": 0})
            raise ValueError(f"job {job.signature} is no good")
        files.write_json(job.directory / files.SUMMARY, {"status": job.does, "iteration": job.iterations})
        return job.does
