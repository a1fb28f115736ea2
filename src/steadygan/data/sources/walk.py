"""Which files lie below a folder, where nothing is left out in silence: what cannot be looked at is an error."""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from steadygan.common.errors import UserError

ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
"""Errors that say that there is no such file, which is a state of the data; all others may pass."""

Identity = tuple[int, int]
"""Device and inode of a folder."""


def is_absent(error: OSError) -> bool:
    """Return whether an error says that there is nothing, rather than that it could not be looked at."""
    return error.errno in ABSENT


def unreadable(path: Path | str, error: OSError) -> UserError:
    """Return the error for a path that exists and cannot be read."""
    return UserError(
        f"{path}: cannot be read ({error.strerror or error}).\nWhat cannot be read is not left out, as another time it "
        f"might be readable: give permission, mend it or take it out of the data"
    )


@contextmanager
def reading(path: Path | str) -> Iterator[None]:
    """Raise a ``UserError``, with the path named, for whatever the system says against it."""
    try:
        yield
    except OSError as error:
        raise unreadable(path, error) from error
    except ValueError as error:  # a NUL in a name, say
        raise UserError(f"{path}: cannot be read ({error})") from error


def mode_of(path: Path) -> int | None:
    """Return the mode of a path by ``stat``, links followed; None where there is nothing.

    ``Path.is_dir`` and ``Path.exists`` say no, depending on Python's version, where they were not allowed to look:
    here that is a ``UserError``.
    """
    with reading(path):
        try:
            return path.stat().st_mode
        except OSError as error:
            if is_absent(error):
                return None
            raise


def is_folder(path: Path) -> bool:
    """Return whether there is such a folder; raises UserError where that cannot be known."""
    mode = mode_of(path)
    return mode is not None and stat.S_ISDIR(mode)


def is_file(path: Path) -> bool:
    """Return whether there is such a file; raises UserError where that cannot be known."""
    mode = mode_of(path)
    return mode is not None and stat.S_ISREG(mode)


def below(folder: Path, suffixes: Sequence[str]) -> tuple[str, ...]:
    """Return all files with one of the suffixes, as paths from ``folder``, sorted.

    Links are followed, unless they lead to a folder on the way to themselves. Links that lead nowhere are listed
    whatever their suffix, since nobody knows what they would lead to. Hidden files and folders are not looked at. One
    that cannot be looked at is a ``UserError``.
    """
    names: list[str] = []
    left: list[tuple[str, tuple[Identity, ...]]] = [("", ())]
    while left:
        inside, above = left.pop()
        with reading(folder / inside):
            state = os.stat(folder / inside)
            identity = (state.st_dev, state.st_ino)
            if identity in above:
                continue
            with os.scandir(folder / inside) as listed:
                entries = [entry for entry in listed if not entry.name.startswith(".")]
        for entry in entries:
            name = f"{inside}{entry.name}"
            with reading(entry.path):
                if _leads_to_folder(entry):
                    left.append((f"{name}/", (*above, identity)))
                elif entry.name.lower().endswith(tuple(suffixes)) or _leads_nowhere(entry):
                    names.append(name)
    return tuple(sorted(names))


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError as error:
        if is_absent(error):
            return False
        raise


def _leads_nowhere(entry: os.DirEntry[str]) -> bool:
    return entry.is_symlink() and mode_of(Path(entry.path)) is None
