"""Pictures in a column of a table, as Hugging Face stores them: a struct of ``bytes`` and ``path``, or plain bytes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from steadygan.data.sources.base import Payload, read_file
from steadygan.errors import UserError, bad_value

NONE = "none"


def payload(value: Any, beside: Path) -> Payload:
    """The bytes of one cell; a path without bytes is looked for ``beside`` the table."""
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


def as_labels(values: Sequence[Any], names: Sequence[str] | None, where: str) -> tuple[np.ndarray, int]:
    """Int64 labels and how many classes: whole numbers as they are, anything else by the order of its values.

    Args:
        values: of all splits, so that their labels are the same.
        names: of the classes, where the table says them.
        where: for messages.

    Raises:
        UserError: some are missing, or are negative numbers.
    """
    if any(value is None for value in values):
        raise UserError(f"{where}: {sum(value is None for value in values)} rows without a label; dataset.label=none")
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        labels = np.array(values, dtype=np.int64)
        if len(labels) and labels.min() < 0:
            raise UserError(f"{where}: labels below 0, which stand for none; dataset.label=none")
        return labels, max(int(labels.max(initial=-1)) + 1, len(names or ()))
    number = {value: label for label, value in enumerate(sorted(set(values), key=str))}
    return np.array([number[value] for value in values], dtype=np.int64), len(number)
