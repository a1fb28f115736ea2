"""What the tests of Slurm's tasks run in place of a run."""

import subprocess
import time
from pathlib import Path

from steadygan.common.signals import Interrupt


def until_told(payload, report):
    """Deaf for some seconds, as while importing; then a run that is stopped, with a process of its own beside it."""
    Path(payload["folder"], "called").touch()
    time.sleep(payload["deaf"])
    beside = subprocess.Popen(["sleep", "60"])
    with Interrupt() as interrupt:
        Path(payload["folder"], "listens").touch()
        for _ in range(300):
            if interrupt.requested:
                break
            time.sleep(0.1)
    Path(payload["folder"], "beside").write_text(str(beside.poll()))
    beside.kill()
    return "preempted" if interrupt.requested else "completed"
