"""The files of a study."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from steadygan.figures import png
from steadygan.figures.spec import Figure
from steadygan.runs.files import write_json

Record: TypeAlias = dict[str, Any]
"""A record of ``results.json``: numbers, texts and lists of them by name."""


def write(folder: Path, records: Sequence[Record], **figures: Figure) -> None:
    """Write ``results.json`` and the PNGs of figures, by their names, into ``folder``."""
    write_json(folder / "results.json", records)
    for name, figure in figures.items():
        png.save(figure, folder / f"{name}.png")


def list_files(folder: Path, report: Callable[[str], None]) -> None:
    """Report what is in ``folder``."""
    report(f"in {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")
