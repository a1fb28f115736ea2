"""The rows of a run's ``metrics.csv``."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from steadygan import files


class Rows:
    """Appends rows to ``metrics.csv``; the columns are those of the first row, those of ``now_and_then`` and the names
    of the metrics."""

    def __init__(self, path: Path, metrics: list[str], now_and_then: Sequence[str] = ()):
        self.path = path
        self._later = [*now_and_then, *(f"metric/{name}" for name in metrics)]
        self._columns: list[str] | None = None

    def resume(self, iteration: int, keeps: list[int]) -> None:
        """Drop the rows after ``iteration``, and those that only the end of a shorter run wrote.

        A row belongs to the undisturbed run where one of the intervals in ``keeps`` divides its iteration.
        """
        self.keep(
            lambda row: (
                int(row["iteration"]) <= iteration and any(int(row["iteration"]) % every == 0 for every in keeps)
            )
        )

    def keep(self, belongs: Callable[[Mapping[str, str]], bool]) -> None:
        """Drop the rows that do not belong to the file as it was at the checkpoint."""
        rows = [row for row in files.read_rows(self.path) if belongs(row)]
        if rows:
            self._columns = [*rows[0], *(name for name in self._later if name not in rows[0])]
            files.write_rows(self.path, self._columns, rows)
        else:
            self.path.unlink(missing_ok=True)

    def write(self, row: Mapping[str, float | str]) -> None:
        """Append one row; a torn line at the end of the file, left by a crash, is never built upon."""
        if self._columns is None:
            self._columns = [key for key in row if key not in self._later] + self._later
            files.write_rows(self.path, self._columns, [])
        line = ",".join(_cell(row.get(column)) for column in self._columns)
        with self.path.open("a") as file:
            file.write(line + "\n")

    def sync(self) -> None:
        """Have what was written on the disk, before a checkpoint that comes after it is."""
        if self.path.exists():
            with self.path.open("rb") as file:
                os.fsync(file.fileno())

    def read(self) -> list[dict[str, str]]:
        """Return all complete rows so far."""
        return files.read_rows(self.path)


def _cell(value: float | str | None) -> str:
    return "" if value is None else value if isinstance(value, str) else repr(value)
