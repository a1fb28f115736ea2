"""Pictures in a column of a table, as Hugging Face stores them: a struct of ``bytes`` and ``path``, or plain bytes."""

import math
from abc import abstractmethod
from collections.abc import Hashable, Iterable, Sequence
from numbers import Number
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from steadygan.common.errors import UserError, bad_value
from steadygan.data.sources.base import NONE, E, Payload, Source, order_hash, read_file

if TYPE_CHECKING:
    import pyarrow

MOST = 65_536
"""Classes; a column of more values holds something else, such as a number for each row."""

V = TypeVar("V")
Labels = tuple[np.ndarray, list[object]]
"""Of all rows, int64, and what each label means."""


class TableSource(Source[E]):
    """Rows of a table with a ``column`` of pictures and perhaps one of labels."""

    label: str

    @property
    def num_classes(self) -> int | None:
        return None if self.label == NONE else len(self._labels()[1])

    def labels_content(self) -> str | None:
        return None if self.label == NONE else order_hash(self._labels()[1])

    @abstractmethod
    def _labels(self) -> tuple[object, list[object]]:
        """Return the labels of all rows, and what each of them means."""


def payload(value: object, beside: Path) -> Payload:
    """Return the bytes of one cell; a path without bytes is looked for ``beside`` the table."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, dict) and value.get("bytes") is not None:
        return bytes(value["bytes"])
    if isinstance(value, dict) and value.get("path"):
        return read_file(beside / value["path"])
    return ValueError("the cell holds no picture")


def known_column(key: str, name: str, columns: Sequence[str], others: Sequence[str] = ()) -> None:
    """Raise a ``UserError`` where there is no such column."""
    if name not in columns:
        raise bad_value(f"dataset.{key}", name, "no such column", [*columns, *others])


def paths(column: "pyarrow.Array | pyarrow.ChunkedArray") -> list[str]:
    """Return the files that the cells of a column of pictures name without holding their bytes."""
    names: list[str] = []
    for chunk in getattr(column, "chunks", [column]):
        cells = getattr(chunk, "storage", chunk)
        named = {field.name for field in cells.type} if str(cells.type).startswith("struct") else set()
        if "path" not in named or ("bytes" in named and not cells.field("bytes").null_count):
            continue
        values = (cell for cell in cells.to_pylist() if cell is not None)
        names += [value["path"] for value in values if value.get("bytes") is None and value["path"]]
    return names


def as_labels(values: Sequence[Any], names: Sequence[str] | None, where: str) -> Labels:
    """Return int64 labels, and what each of them means: the distinct values in their order (``in_order``).

    The ``values`` are those of all splits, so that their labels are the same. Where the table says the ``names`` of the
    classes, the values are their numbers. Missing ones, too many, or one that stands for no class are a ``UserError``.
    """
    if missing := sum(value is None or value == "" or bool(value != value) for value in values):
        problem = f"{missing} of {len(values)} rows have no label (empty or nan); take them out of the table"
        raise UserError(f"{where}: {problem}, or leave the labels alone by dataset.label=none")
    if wrong := next((value for value in values if not isinstance(value, Hashable)), None):
        raise UserError(f"{where}: holds {str(wrong)[:80]}, and a label is one number or one word; dataset.label=none")
    classes = in_order(values)
    if below := next((value for value in classes[:1] if _is_negative(value)), None):
        raise UserError(f"{where}: holds {below}, and labels below 0 stand for none; dataset.label=none")
    if endless := next((value for value in classes if isinstance(value, float) and math.isinf(value)), None):
        raise UserError(f"{where}: holds {endless}, which is no class; dataset.label=none")
    if names is None and len(classes) > MOST:
        problem = f"holds {len(classes):,} different values in {len(values):,} rows"
        raise UserError(f"{where}: {problem}, and there may be {MOST:,} classes; dataset.label=none")
    if names is not None and (strange := [value for value in classes if value not in range(len(names))]):
        raise UserError(f"{where}: holds {strange[-1]}, and the table names {len(names)} classes, from 0 on")
    number = {value: int(value) if names else label for label, value in enumerate(classes)}
    return np.array([number[value] for value in values], dtype=np.int64), list(names or classes)


def in_order(values: Iterable[V]) -> list[V]:
    """Return the distinct ones: numbers, and words that are all numbers, by the numbers; others in their own order."""
    distinct = set(values)
    try:
        return sorted(distinct, key=lambda value: (_number(value), str(value)))
    except (TypeError, ValueError, OverflowError):
        return sorted(distinct)  # pyright: ignore[reportArgumentType] values of one type, which has an order


def _number(value: object) -> float:
    number: float = value  # pyright: ignore[reportAssignmentType] a TypeError tells of what is no number
    if isinstance(value, str):
        try:
            number = int(value)
        except ValueError:
            number = float(value)
    if not math.isfinite(number):
        raise ValueError("stands in no order")
    return number


def _is_negative(value: object) -> bool:
    """Return whether it is a number below 0, or a word that says one."""
    try:
        return isinstance(value, Number | str) and bool(_number(value) < 0)
    except (ValueError, OverflowError):
        return False
