"""Kills runs with -9 and compares what comes out with what comes out undisturbed. A program of its own:

    python killing.py KILLS SEED FOLDER engine=... OVERRIDE ...

torch is imported once; every launch is a fork of a process that has computed nothing. Prints a line of JSON:
``kills`` that hit a running process, ``in_checkpoint`` those while a checkpoint was being written, ``resumed`` the
iterations that launches began at, ``differences`` what is not the same to the bit.
"""

import json
import mmap
import os
import random
import shutil
import signal
import struct
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from PIL import Image

import steadygan
from bits import same
from steadygan import train
from steadygan.common.paths import conf_dir
from steadygan.config.hydra_versions import BASE
from steadygan.runs import files
from steadygan.sweeps import executing
from steadygan.sweeps.grouping import group
from steadygan.training.callbacks import Diagnostics
from steadygan.training.context import RunContext

PATIENCE = 300.0


class Launch:
    """One launch of jobs in a process of its own; the iteration that it has come to can be seen from here."""

    def __init__(self, jobs, together):
        self._seen = mmap.mmap(-1, 16)
        self._write(-1, -1)
        self.process = os.fork()
        if not self.process:
            self._train(jobs, together)

    def _train(self, jobs, together):
        code = 1
        try:
            after, opened = Diagnostics.after_iteration, RunContext.open

            def seen(callback):
                self._write(callback.run.gan.iteration, self.began)
                after(callback)

            def begun(run):
                opened(run)
                self._write(run.gan.iteration, run.gan.iteration)

            Diagnostics.after_iteration, RunContext.open = seen, begun
            if together:
                for each in group(jobs, workers=1, most=lambda job: len(jobs), compile=False):
                    executing.execute_group(each, lambda event: None)
            else:
                for job in jobs:
                    train.execute(job, lambda event: None)
            code = 0
        finally:
            os._exit(code)

    def _write(self, iteration, began):
        self._seen[:] = struct.pack("qq", iteration, began)

    @property
    def iteration(self):
        return struct.unpack("qq", self._seen[:])[0]

    @property
    def began(self):
        return struct.unpack("qq", self._seen[:])[1]

    def has_begun(self):
        return self.began >= 0

    def reached(self, iteration):
        return self.iteration >= iteration

    @property
    def over(self):
        if self.process and os.waitpid(self.process, os.WNOHANG)[0]:
            self.process = 0
        return not self.process

    def kill(self):
        """Whether it was still running."""
        if self.over:
            return False
        os.kill(self.process, signal.SIGKILL)
        _, status = os.waitpid(self.process, 0)
        self.process = 0
        return os.WIFSIGNALED(status)


def until(launch, condition):
    """Whether the condition came true before the launch was over."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if launch.over:
            return False
        assert time.monotonic() < deadline, "nothing happens"
        time.sleep(0.0002)
    return True


def writing(jobs):
    """Whether some checkpoint is being written now."""
    return any(name.startswith(".") for job in jobs for name in _names(job.directory / files.CHECKPOINTS))


def _names(folder):
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def torment(jobs, together, kills, source):
    """Kill and resume, so many times; then let it end."""
    reported = {"kills": 0, "in_checkpoint": 0, "resumed": []}
    iterations = jobs[0].iterations
    for index in range(kills):
        launch = Launch(jobs, together)
        if not until(launch, launch.has_begun):
            break
        reported["resumed"].append(launch.began)
        # Far enough to come to an end after all kills, somewhere in what is left.
        goal = launch.began + source.randint(1, max(2, 2 * (iterations - launch.began) // (kills - index + 1)))
        running = until(launch, partial(launch.reached, min(goal, iterations)))
        if running and index % 3 == 1:
            running = until(launch, lambda: writing(jobs))
            in_checkpoint = running
        else:
            time.sleep(source.random() * 0.01)
            in_checkpoint = writing(jobs)
        if launch.kill():
            reported["kills"] += 1
            reported["in_checkpoint"] += in_checkpoint
    launch = Launch(jobs, together)
    until(launch, lambda: False)
    return reported


def differences(jobs, undisturbed):
    """Names of what is not the same."""
    found = []
    for job, other in zip(jobs, undisturbed):
        a, b = (torch.load(each.directory / files.CHECKPOINT, weights_only=True) for each in (job, other))
        found += [f"last.ckpt {key}" for key in a if key != "seconds" and not same(a[key], b[key])]
        found += [name for name, read in RESULTS.items() if read(job) != read(other)]
        x, y = (steadygan.load(each.directory).sample(16, seed=1) for each in (job, other))
        found += [] if torch.equal(x, y) else ["samples"]
        found += [] if not list(job.directory.rglob("*.tmp")) else ["temporary files are left"]
    return found


def _rows(job):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in files.read_rows(job.directory / files.METRICS)]


def _pictures(job):
    folder = job.directory / files.SAMPLES
    return {path.name: np.asarray(Image.open(path)).tobytes() for path in sorted(folder.iterdir())}


def _summary(job):
    reported = files.read_summary(job.directory)
    return {key: reported[key] for key in ("status", "iteration", "metrics", "oscillation")}


def _best(job):
    path = job.directory / files.BEST
    return torch.load(path, weights_only=True)["iteration"] if path.exists() else None


RESULTS = {files.METRICS: _rows, files.SAMPLES: _pictures, files.SUMMARY: _summary, files.BEST: _best}


def plan(folder, overrides):
    given = [*overrides, "logger=none", f"outputs={folder}"]
    return train.plan(compose("config", given), given)


def main(kills, seed, folder, *overrides):
    folder = Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    together = "engine=population" in overrides
    with initialize_config_dir(str(conf_dir()), **BASE):
        seeds = ["seed=0", "seed=1"] if together else ["seed=0"]
        jobs, undisturbed = (
            [plan(folder / name, [*overrides, each]) for each in seeds] for name in ("killed", "undisturbed")
        )
    launch = Launch(undisturbed, together)
    until(launch, lambda: False)
    reported = torment(jobs, together, int(kills), random.Random(int(seed)))
    print(json.dumps({**reported, "differences": differences(jobs, undisturbed)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
