"""Many files by content: each file's bytes are read once, and remembered by path, size and modification time."""

import hashlib
import json
import logging
import os
import re
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from steadygan.common.errors import UserError, printable
from steadygan.common.paths import cache_dir
from steadygan.common.progress import show_progress
from steadygan.data.sources.walk import is_absent, unreadable
from steadygan.runs.files import write_text

log = logging.getLogger("steadygan")

SAVE = 30.0
"""Seconds of reading that are lost at most when it is stopped."""

_THREADS = 4  # hashing frees the GIL
_MISSING = "missing"
_SHA256 = re.compile("[0-9a-f]{64}")

NAMED = 10
"""Files that a message names."""

State = tuple[int, int]
"""Size and modification time in ns."""


class Known(NamedTuple):
    """What a file was when it was last read."""

    size: int
    modified: int
    sha256: str


_contents: dict[tuple[Path, tuple[str, ...]], str] = {}


def content(base: Path, names: tuple[str, ...]) -> str:
    """Return SHA-256 over the names and the SHA-256 of each file below ``base``; looked at once in a process.

    A file that is missing counts as such: who reads it will name it. Then it is looked at each time.
    """
    if (base, names) in _contents:
        return _contents[base, names]
    digest, hashes = hashlib.sha256(), file_hashes(base, names)
    for name, each in zip(names, hashes):
        digest.update(os.fsencode(name) + f"\0{each}\n".encode())
    if _MISSING not in hashes:
        _contents[base, names] = digest.hexdigest()
    return digest.hexdigest()


def look_again() -> None:
    """Forget in this process what files there were."""
    _contents.clear()


def file_hashes(base: Path, names: Sequence[str]) -> list[str]:
    """Return the SHA-256 of each file; only what changed since it was last asked for is read.

    That a file is missing is true at the time, and never remembered.

    Raises:
        UserError: files that are there cannot be read.
    """
    memory = cache_dir() / "hashes" / f"{hashlib.sha256(os.fsencode(base.resolve())).hexdigest()[:32]}.json"
    known = _remembered(memory)
    states = {name: _state(base / name) for name in names}
    wanted = {name: state for name, state in states.items() if state and known.get(name, ())[:2] != state}
    failed: dict[str, OSError] = {}
    total = sum(size for size, _ in wanted.values())
    saved = time.monotonic()
    title = f"Reading {printable(str(base))}, once"
    with show_progress(title, total, "bytes") as step, ThreadPoolExecutor(_THREADS) as pool:
        hashed = pool.map(lambda name: _tried(base / name, step), wanted)
        try:
            for name, digest in zip(wanted, hashed):
                if isinstance(digest, OSError):
                    failed[name] = digest
                else:
                    known[name] = Known(*wanted[name], digest)
                if time.monotonic() - saved > SAVE:
                    _remember(memory, known)
                    saved = time.monotonic()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        finally:
            if wanted:
                _remember(memory, known)
    _judge(base, {name: error for name, error in failed.items() if not is_absent(error)}, len(states))
    return [known[name].sha256 if states[name] and name not in failed else _MISSING for name in names]


def _judge(base: Path, failed: Mapping[str, OSError], number: int) -> None:
    if len(failed) == 1:
        (name, error), *_ = failed.items()
        raise unreadable(base / name, error)
    if failed:
        shown = sorted(failed)[:NAMED]
        named = "\n".join(f"{base / name}: {failed[name].strerror or failed[name]}" for name in shown)
        raise UserError(
            f"{base}: {len(failed)} of {number} files cannot be read, and none is left out in silence:\n{named}"
            + ("\n..." if len(failed) > NAMED else "")
        )


def _state(path: Path) -> State | None:
    try:
        state = path.stat()
    except OSError as error:
        if is_absent(error):
            return None
        raise unreadable(path, error) from error
    except ValueError:  # no name that a file can have
        return None
    if not stat.S_ISREG(state.st_mode):
        raise UserError(f"{path}: no file, though its name is that of one")
    return state.st_size, state.st_mtime_ns


def _tried(path: Path, step: Callable[[int], None]) -> str | OSError:
    try:
        return _hash(path, step)
    except OSError as error:
        return error


def _hash(path: Path, step: Callable[[int], None]) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            step(len(block))
    return digest.hexdigest()


def _remembered(memory: Path) -> dict[str, Known]:
    """Return the entries that are a size, a time and a hash."""
    try:
        entries = json.loads(memory.read_text())
        lists = {name: entry for name, entry in entries.items() if isinstance(entry, list) and len(entry) == 3}
    except (OSError, ValueError, AttributeError):
        return {}
    return {name: Known(*entry) for name, entry in lists.items() if _SHA256.fullmatch(str(entry[2]))}


def _remember(memory: Path, known: dict[str, Known]) -> None:
    try:
        write_text(memory, json.dumps(known))
    except OSError as error:
        log.warning("%s cannot be written (%s): the data are read again next time", memory, error.strerror)
