"""Pictures in a column of a table, as Hugging Face stores them: a struct of ``bytes`` and ``path``, or plain bytes."""

import math
from collections.abc import Hashable, Iterable, Sequence
from numbers import Number
from pathlib import Path
from typing import Any

import numpy as np

from steadygan.common.errors import UserError, bad_value
from steadygan.data.sources.base import Payload, read_file

NONE = "none"

MOST = 65_536
"""Classes; a column of more values holds something else, such as a number for each row."""


def payload(value: Any, beside: Path) -> Payload:
    """Return the bytes of one cell; a path without bytes is looked for ``beside`` the table."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, dict) and value.get("bytes") is not None:
        return bytes(value["bytes"])
    if isinstance(value, dict) and value.get("path"):
        return read_file(beside / value["path"])
    return ValueError("the cell holds no picture")


def known_column(key: str, name: str, columns: Sequence[str], others: Sequence[str] = ()) -> None:
    """Raises UserError where there is no such column."""
    if name not in columns:
        raise bad_value(f"dataset.{key}", name, "no such column", [*columns, *others])


def paths(column: Any) -> list[str]:
    """Return the files that the cells of an Arrow column of pictures name without holding their bytes."""
    names: list[str] = []
    for chunk in getattr(column, "chunks", [column]):
        cells = getattr(chunk, "storage", chunk)
        named = {field.name for field in cells.type} if str(cells.type).startswith("struct") else set()
        if "path" not in named or ("bytes" in named and not cells.field("bytes").null_count):
            continue
        values = (cell for cell in cells.to_pylist() if cell is not None)
        names += [value["path"] for value in values if value.get("bytes") is None and value["path"]]
    return names


def as_labels(values: Sequence[Any], names: Sequence[str] | None, where: str) -> tuple[np.ndarray, list[Any]]:
    """Int64 labels, and what each of them means: the distinct values in their order (``in_order``).

    Args:
        values: of all splits, so that their labels are the same.
        names: of the classes, where the table says them; the values are then their numbers.
        where: for messages.

    Raises:
        UserError: some are missing or no values of classes, there are too many, or one stands for no class.
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


def in_order(values: Iterable[Any]) -> list[Any]:
    """Return the distinct ones: numbers, and words that are all numbers, in the order of the numbers; others in their
    own."""
    distinct = set(values)
    try:
        return sorted(distinct, key=lambda value: (_number(value), str(value)))
    except (TypeError, ValueError, OverflowError):
        return sorted(distinct)


def _number(value: Any) -> Any:
    number = _parsed(value) if isinstance(value, str) else value
    if not math.isfinite(number):
        raise ValueError("stands in no order")
    return number


def _parsed(word: str) -> int | float:
    try:
        return int(word)
    except ValueError:
        return float(word)


def _is_negative(value: Any) -> bool:
    """Return whether it is a number below 0, or a word that says one."""
    try:
        return isinstance(value, Number | str) and bool(_number(value) < 0)
    except (ValueError, OverflowError):
        return False
