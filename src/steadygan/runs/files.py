"""The files of a run: their names, and reading and writing them so that no reader ever sees half a file; and hashes."""

import contextlib
import csv
import hashlib
import io
import json
import logging
import math
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import IO, TextIO

from steadygan.common.errors import UserError
from steadygan.config.node import Config, Node

log = logging.getLogger("steadygan")

CONFIG = "config.yaml"
OVERRIDES = "overrides.yaml"
METRICS = "metrics.csv"
PRETRAINING = "pretrain.csv"
SUMMARY = "summary.json"
CHECKPOINTS = "checkpoints"
CHECKPOINT = f"{CHECKPOINTS}/last.ckpt"
BEST = f"{CHECKPOINTS}/best.ckpt"
SAMPLES = "samples"
LOG = "log.txt"
LOCK = "lock"
SWEEP = "sweep.yaml"
"""Of a sweep's folder: what it is about."""

JOBS = "jobs.json"
"""Of a sweep's folder: all jobs that were launched into it, those that have not begun included."""

TUNED = "tuned.json"
"""Of the folder of a tuned comparison: how it stands."""

TEMPORARY = ".tmp"

FINISHED = ("completed", "diverged")
STATUSES = (*FINISHED, "failed", "preempted", "running")

_RENAMED = {"passports": "provenance"}
"""Keys of ``summary.json`` in earlier versions, and what they are called now."""


def write_atomically(
    path: Path, write: Callable[[IO[bytes]], object], written: Callable[[], None] = lambda: None
) -> None:
    """Write through a temporary file in the same folder, fsync, rename: the old file or the new, never a part.

    The folder is synced as well, so that a machine that loses its power still has the new file once this returned.

    Args:
        path: of the file.
        write: writes the content.
        written: called when the content is on the disk, just before it takes its name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=TEMPORARY)
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        written()
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # some network file systems cannot; the rename stands all the same
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def remove_temporaries(run: Path) -> None:
    """Remove what writers that were killed left in a run's folders; for who holds the run's lock."""
    for folder in (run, run / CHECKPOINTS, run / SAMPLES):
        for path in folder.glob(f".*{TEMPORARY}"):
            path.unlink(missing_ok=True)


def checkpoints(run: Path) -> list[Path]:
    """Return the checkpoints that a run can go on from: ``last.ckpt``, then those that were last before."""
    before = sorted((run / CHECKPOINTS).glob("[0-9]*.ckpt"), key=lambda path: path.name, reverse=True)
    return [path for path in (run / CHECKPOINT, *before) if path.exists()]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def from_here(path: Path) -> str:
    """Return the path as seen from the working directory, if it is below, else the whole of it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def write_text(path: Path, text: str) -> None:
    """``write_atomically`` for text."""
    write_atomically(path, lambda file: file.write(text.encode()))


def write_json(path: Path, value: object) -> None:
    """Strict JSON: numbers that are not finite become null."""
    write_text(path, json.dumps(_finite(value), indent=2, allow_nan=False) + "\n")


def _finite(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def folders_in(folder: Path) -> list[Path]:
    """Return the folders in a folder, hidden ones left out, in the order of their names.

    One that is there and cannot be looked at counts as empty, and is named once: its runs are left out.
    """
    with _left_out(folder), os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries if not entry.name.startswith(".") and _is_folder(entry))
    return []


def find_runs(folder: Path, depth: int = 3) -> Iterator[Path]:
    """Yield the folder itself if it is a run, else the runs below it, in the order of their names."""
    if any(os.path.isfile(folder / name) for name in (SUMMARY, CONFIG)):
        yield folder
        return
    for below in folders_in(folder) if depth else []:
        if below.name not in ("report", "wandb", CHECKPOINTS, SAMPLES):
            yield from find_runs(below, depth - 1)


def saved_pictures(run: Path) -> list[tuple[int, Path]]:
    """Return (iteration, file) of a run's ``samples/<iteration>.png``, by iteration."""
    return sorted((int(path.stem), path) for path in (run / SAMPLES).glob("*.png") if path.stem.isdecimal())


def need_runs(folder: Path, about: str) -> None:
    """Refuse a folder that holds neither runs nor a ``sweep.yaml``; ``about`` says what to name instead.

    Raises:
        UserError: it holds none, is a file, or is not there.
    """
    why = "this is a file, not a folder" if folder.exists() else "no such folder"
    if folder.is_dir():
        if (folder / SWEEP).is_file() or next(find_runs(folder), None) is not None:
            return
        why = "no run in this folder"
    raise UserError(f"{folder}: {why}.\n{about}")


def _is_folder(entry: os.DirEntry) -> bool:
    with _left_out(entry.path):
        return entry.is_dir()
    return False


@contextlib.contextmanager
def _left_out(path: Path | str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        _tell(f"{path}: cannot be read ({error.strerror}), so what lies in it is left out")


@lru_cache(maxsize=1024)
def _tell(text: str) -> None:
    log.warning(text)


class Unreadable(UserError):
    """A file of a run is there and cannot be opened now; to take it for missing would begin the run anew."""


def read_summary(run: Path, strict: bool = False) -> Node | None:
    """Return a run's ``summary.json``, or None where there is none or it is damaged.

    Args:
        run: its folder.
        strict: for who goes on to write into the folder; others take a file that cannot be opened for none.

    Raises:
        Unreadable: the file cannot be opened, where that is asked for.
    """
    try:
        summary = json.loads(_text(run / SUMMARY))
    except Unreadable:
        if strict:
            raise
        return None
    except ValueError:
        return None
    if not isinstance(summary, dict) or summary.get("status") not in STATUSES:
        return None
    return {_RENAMED.get(key, str(key)): value for key, value in summary.items()}


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the complete rows of a ``metrics.csv``; a torn last line is left out. No file: no rows.

    Raises:
        Unreadable: the file is there and cannot be opened.
    """
    text = _text(path)
    reader = csv.reader(text[: text.rfind("\n") + 1].splitlines())
    header = next(reader, [])
    return [dict(zip(header, row)) for row in reader if len(row) == len(header)]


def _text(path: Path) -> str:
    """Return a file's text; nothing where there is no file."""
    try:
        return path.read_text(errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise Unreadable(f"{path}: cannot be read ({error.strerror})") from error


def write_rows(path: Path, columns: Iterable[str], rows: Iterable[Config]) -> None:
    """Write a whole csv file at once; what a row lacks is left empty, and what is in no column is left out."""
    text = io.StringIO()
    writer = row_writer(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def row_writer(file: TextIO, columns: Iterable[str]) -> csv.DictWriter:
    """Return a writer of rows in the form in which all csv files of a run are written."""
    return csv.DictWriter(file, list(columns), extrasaction="ignore", lineterminator="\n")


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's bytes; computed again only where path, size or modification time differ."""
    state = path.stat()
    return _hash(path.resolve(), state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=1024)
def _hash(path: Path, size: int, modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
