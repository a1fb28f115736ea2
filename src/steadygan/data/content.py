"""Data by content: what the bytes are, wherever they lie."""

import hashlib
from functools import lru_cache
from pathlib import Path


def file_hash(path: Path) -> str:
    """The SHA-256 of a file's bytes; computed again only where path, size or modification time differ."""
    state = path.stat()
    return _hash(path.resolve(), state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=1024)
def _hash(path: Path, size: int, modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
