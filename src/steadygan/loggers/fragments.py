"""Contents of W&B's files of a run: each launch leaves one file (a fragment) in its ``wandb/`` folder."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from steadygan.loggers import service

_FOLDER = re.compile(r"(?:offline-)?run-(\d{8}_\d{6})-(.+)")
"""Of a fragment: when it was begun, and the id."""

_NUMBERS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


@dataclass(frozen=True)
class Fragment:
    """One ``.wandb`` file."""

    path: Path
    started: str
    """ISO time, which sorts; empty if the file ends before it says so."""
    complete: bool
    """It was finished: ``wandb sync`` gives up on files cut off in the middle, and on all that come after them."""
    rows: tuple[dict[str, object], ...]
    """As they were logged, with W&B's own keys (``_step``, ...); a picture is ``samples.path`` and more."""

    @property
    def sent(self) -> bool:
        """Whether all of it is on the server, by the mark that ``wandb sync`` leaves."""
        return self.path.with_name(f"{self.path.name}.synced").exists()


def find(run: Path) -> list[Path]:
    """Return the fragments of a run, in no order."""
    return sorted(run.glob("wandb/*run-*/*.wandb"))


def first_id(run: Path) -> str | None:
    """Return the id under which W&B got to know a run; None if it does not know it yet."""
    named = [_FOLDER.fullmatch(folder.name) for folder in run.glob("wandb/*run-*") if folder.is_dir()]
    return min((match.groups() for match in named if match), default=(None, None))[1]


def read(path: Path) -> Fragment:
    """Read a fragment with wandb's own reader, as far as it goes."""
    records = [json.loads(line) for line in inspect(path).splitlines() if line.startswith("{")]
    runs = [record["run"] for record in records if record["type"] == "run"]
    return Fragment(
        path=path,
        started=runs[0].get("start_time", "") if runs else "",
        complete=any(record["type"] == "exit" for record in records),
        rows=tuple(_numbers(record["history"]["item"]) for record in records if record["type"] == "history"),
    )


def inspect(path: Path) -> str:
    """Return the output of ``wandb leet inspect --json``: a line for each record that can be read."""
    core = service.core_path()
    output = ""
    if core:  # without wandb's command line, which takes half a second to start
        options = ["--no-observability", "--json", "--run-file", str(path), str(path.parents[1])]
        output = _output([core, "leet", "inspect", *options])
    return output or _output([sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(path)])


def _output(command: Sequence[str]) -> str:
    with service.outside() as environment:
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment).stdout


def _numbers(row: dict[str, object]) -> dict[str, object]:
    return {key: _NUMBERS.get(value, value) if isinstance(value, str) else value for key, value in row.items()}
