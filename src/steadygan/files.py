"""The files of a run: their names, and reading and writing them so that no reader ever sees half a file."""

import csv
import json
import math
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any

CONFIG = "config.yaml"
OVERRIDES = "overrides.yaml"
METRICS = "metrics.csv"
SUMMARY = "summary.json"
CHECKPOINT = "checkpoints/last.ckpt"
SAMPLES = "samples"
LOG = "log.txt"

FINISHED = ("completed", "diverged")
STATUSES = (*FINISHED, "failed", "preempted", "running")


def write_atomically(path: Path, write: Callable[[IO[bytes]], None]) -> None:
    """Write through a temporary file in the same folder, fsync, rename: the old file or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """``write_atomically`` for text."""
    write_atomically(path, lambda file: file.write(text.encode()))


def write_json(path: Path, value: Any) -> None:
    """Strict JSON: numbers that are not finite become null."""
    write_text(path, json.dumps(_finite(value), indent=2, allow_nan=False) + "\n")


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def read_summary(run: Path) -> dict[str, Any] | None:
    """A run's ``summary.json``, or None where there is none or it cannot be read."""
    try:
        summary = json.loads((run / SUMMARY).read_text())
    except (OSError, ValueError):
        return None
    return summary if isinstance(summary, dict) and summary.get("status") in STATUSES else None


def read_rows(path: Path) -> list[dict[str, str]]:
    """The complete rows of a ``metrics.csv``; a torn last line is left out. No file: no rows."""
    try:
        text = path.read_text()
    except OSError:
        return []
    reader = csv.reader(text[: text.rfind("\n") + 1].splitlines())
    header = next(reader, [])
    return [dict(zip(header, row)) for row in reader if len(row) == len(header)]


def write_rows(path: Path, columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """A whole ``metrics.csv`` at once."""
    columns = list(columns)
    lines = [columns, *([row.get(column, "") for column in columns] for row in rows)]
    write_text(path, "".join(",".join(map(str, line)) + "\n" for line in lines))
