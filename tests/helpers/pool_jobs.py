"""Jobs that the tests of the pool hand to its workers, and a driver to be interrupted."""

import os
import signal
import sys
import time
from pathlib import Path


class Unreadable:
    """Pickles, but cannot be read again."""

    def __reduce__(self):
        return int, ("no number",)


def square(payload, report):
    report({"kind": "progress", "iteration": payload})
    return payload**2


def pid(payload, report):
    time.sleep(0.2)
    return os.getpid()


def threads(payload, report):
    import torch

    return os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"], torch.get_num_threads()


def troubled(payload, report):
    if payload == "raise":
        raise ValueError("no good")
    if payload == "exit":
        sys.exit(3)
    if payload == "kill":
        print("about to go", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    if payload == "unpicklable":
        return lambda: None
    return payload


def patient(folder, report):
    """Waits for SIGTERM with its own handler, as a training run does, and counts how often it comes."""
    folder = Path(folder)
    (folder / f"pid-{os.getpid()}").touch()
    if (folder / "late").exists():
        time.sleep(0.5)  # the signal comes before the handler is there
    got = []
    before = signal.signal(signal.SIGTERM, lambda *_: got.append(1))
    (folder / f"ready-{os.getpid()}").touch()
    while not got:
        time.sleep(0.02)
    time.sleep(0.5)
    signal.signal(signal.SIGTERM, before)
    (folder / f"preempted-{os.getpid()}-{len(got)}").touch()
    return "preempted"


def stubborn(folder, report):
    """Never ends, whatever the signal."""
    (Path(folder) / f"ready-{os.getpid()}").touch()
    while True:
        time.sleep(0.1)


def drive(function, folder, jobs):
    from steadygan.common.errors import Interrupted
    from steadygan.sweeps.pool import run_jobs

    try:
        run_jobs(
            f"pool_jobs:{function}",
            [folder] * jobs,
            workers=2,
            grace=1.0,
            on_event=lambda event: print(event.kind, event.index, flush=True),
        )
    except Interrupted:
        print("interrupted", flush=True)
        sys.exit(130)


if __name__ == "__main__":
    drive(sys.argv[1], sys.argv[2], int(sys.argv[3]))
