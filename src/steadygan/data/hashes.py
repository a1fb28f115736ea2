"""Many files by content: each file's bytes are read once, and remembered by path, size and modification time."""

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

from steadygan.files import write_text
from steadygan.paths import cache_dir
from steadygan.progress import progress

log = logging.getLogger("steadygan")

SAVE = 30.0
"""Seconds of reading that are lost at most when it is stopped."""

_THREADS = 4  # hashing frees the GIL
_MISSING = "missing"

State = tuple[int, int]
"""Size and modification time in ns."""


@lru_cache(maxsize=64)
def content(base: Path, names: tuple[str, ...]) -> str:
    """SHA-256 over the names and the SHA-256 of each file below ``base``; looked at once in a process.

    A file that is missing counts as such: who reads it will name it.
    """
    digest = hashlib.sha256()
    for name, found in zip(names, file_hashes(base, names)):
        digest.update(f"{name}\0{found}\n".encode())
    return digest.hexdigest()


def file_hashes(base: Path, names: Sequence[str]) -> list[str]:
    """The SHA-256 of each file; only what changed since it was last asked for is read."""
    memory = cache_dir() / "hashes" / f"{hashlib.sha256(str(base.resolve()).encode()).hexdigest()[:32]}.json"
    known = _remembered(memory)
    states = {name: _state(base / name) for name in names}
    wanted = [name for name, state in states.items() if state and known.get(name, [])[:2] != list(state)]
    total = sum(states[name][0] for name in wanted)
    saved = time.monotonic()
    with progress(f"Reading {base}, once", total, "bytes") as step, ThreadPoolExecutor(_THREADS) as pool:
        hashed = pool.map(lambda name: _hash(base / name, step), wanted)
        try:
            for name, digest in zip(wanted, hashed):
                known[name] = [*states[name], digest]
                if time.monotonic() - saved > SAVE:
                    _remember(memory, known)
                    saved = time.monotonic()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        finally:
            if wanted:
                _remember(memory, known)
    return [known[name][2] if states[name] else _MISSING for name in names]


def _state(path: Path) -> State | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _hash(path: Path, step: Callable[[int], None]) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
                step(len(block))
    except OSError:
        return _MISSING
    return digest.hexdigest()


def _remembered(memory: Path) -> dict[str, list]:
    try:
        found = json.loads(memory.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _remember(memory: Path, known: dict[str, list]) -> None:
    try:
        write_text(memory, json.dumps(known))
    except OSError as error:
        log.warning("%s cannot be written (%s): the data are read again next time", memory, os.strerror(error.errno))
