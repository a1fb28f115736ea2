"""The most memory that a run needed."""

import contextlib
import resource
from pathlib import Path

import torch

MEGABYTE = 2**20


def forget_peak() -> None:
    """Begin to measure anew; a worker process runs many jobs."""
    with contextlib.suppress(OSError):  # Linux only
        Path("/proc/self/clear_refs").write_text("5")
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak() -> dict[str, float]:
    """Return the peaks of memory: ``process_mb``, and ``device_mb`` where there is a GPU.

    The former is the process's resident memory, libraries included, since ``forget_peak`` where the system can forget.
    """
    peaks = {"process_mb": round(_process() / MEGABYTE, 1)}
    if torch.cuda.is_available():
        peaks["device_mb"] = round(torch.cuda.max_memory_allocated() / MEGABYTE, 1)
    return peaks


def _process() -> int:
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
