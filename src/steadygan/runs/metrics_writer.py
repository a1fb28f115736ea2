"""Writing and resuming a run's ``metrics.csv``."""

import io
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from steadygan.runs import files


class MetricsWriter:
    """Appends rows to ``metrics.csv``.

    The columns are those of the first row, then ``occasional``, then the metrics.

    Args:
        path: of the file.
        metrics: names of the metrics; their columns are ``metric/NAME``.
        occasional: further columns that not every row has.
    """

    def __init__(self, path: Path, metrics: list[str], occasional: Sequence[str] = ()) -> None:
        self.path = path
        self._later = [*occasional, *(f"metric/{name}" for name in metrics)]
        self._columns: list[str] | None = None

    def resume(self, iteration: int, intervals: list[int]) -> None:
        """Drop the rows after ``iteration``, and those that only the end of a shorter run wrote.

        A row belongs to the undisturbed run where one of the intervals in ``intervals`` divides its iteration.
        """
        self.keep(
            lambda row: (
                int(row["iteration"]) <= iteration and any(int(row["iteration"]) % every == 0 for every in intervals)
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

    def write(self, row: Mapping[str, float | str | None]) -> None:
        """Append one row; a torn line at the end of the file, left by a crash, is never built upon."""
        if self._columns is None:
            self._columns = [key for key in row if key not in self._later] + self._later
            files.write_rows(self.path, self._columns, [])
        line = io.StringIO()
        files.row_writer(line, self._columns).writerow(row)
        with self.path.open("a") as file:
            file.write(line.getvalue())  # at once, so that a crash tears one line at most

    def sync(self) -> None:
        """Flush the file to disk, so that it is there before the checkpoint that follows."""
        if self.path.exists():
            with self.path.open("rb") as file:
                os.fsync(file.fileno())

    def read(self) -> list[dict[str, str]]:
        """Return all complete rows so far."""
        return files.read_rows(self.path)
