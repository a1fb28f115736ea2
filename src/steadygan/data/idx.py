"""The IDX format of MNIST's files: a big-endian header (magic number, extents), then unsigned bytes."""

import math
from pathlib import Path

import numpy as np

from steadygan.common.errors import UserError

UNSIGNED_BYTE = 0x08


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Return the uint8 array of ``dimensions`` dimensions that a file holds.

    Raises:
        UserError: the file cannot be read, or is not a whole IDX file of such an array.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    header = 4 * (1 + dimensions)
    if len(content) < header:
        raise _corrupt(path, f"{len(content)} bytes, shorter than its header")
    magic, *extents = np.frombuffer(content, dtype=">u4", count=1 + dimensions).tolist()
    if magic != UNSIGNED_BYTE << 8 | dimensions:
        raise _corrupt(path, f"not an IDX file of bytes in {dimensions} dimensions (magic number {magic:#010x})")
    if len(content) != header + math.prod(extents):
        raise _corrupt(path, f"{len(content)} bytes, but its header says {header + math.prod(extents)}")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(extents)


def _corrupt(path: Path, problem: str) -> UserError:
    return UserError(f"{path}: truncated or corrupt ({problem}). Delete it and put a whole copy in its place.")
