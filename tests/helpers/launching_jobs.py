"""Jobs for the tests of launching, importable by workers."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Plain:
    directory: Path
    signature: str
    does: str
    label: str = "r1"
    seed: int = 0
    iterations: int = 10


def play(job, report):
    report({"kind": "progress", "iteration": 0, "iterations": job.iterations})
    if job.does == "no folder":
        job.directory.write_text("a file")
        raise OSError("cannot be written")
    job.directory.mkdir()
    if job.does == "die":
        (job.directory / "log.txt").write_text("old")
        os.kill(os.getpid(), signal.SIGKILL)
    if job.does == "logged":
        (job.directory / "log.txt").write_text("its own words")
    if job.does in ("raise", "logged"):
        raise ValueError("no good")
    return job.does
