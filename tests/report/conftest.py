"""Synthetic sweep folders: the files of runs as the training writes them."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from steadygan.runs import files


def write_run(
    root: Path,
    name: str,
    *,
    method: str,
    seed: int,
    finals: dict | None = None,
    best: dict | None = None,
    area: dict | None = None,
    status: str = "completed",
    config: dict | None = None,
    overrides: list[str] | None = None,
    curves: dict | None = None,
    pictures: dict | None = None,
    **summary,
) -> Path:
    """A run folder. ``finals``: metric -> final value; best and area follow it unless given.

    ``curves``: column -> list of values (a row each, iterations 100, 200, ...); ``pictures``: iteration -> colour.
    """
    run = root / name
    run.mkdir(parents=True)
    directions = {"modes": "max", "high_quality": "max"}
    metrics = {
        key: {
            "final": value,
            "best": (best or {}).get(key, value),
            "area": (area or {}).get(key, value),
            "direction": directions.get(key, "min"),
        }
        for key, value in (finals or {}).items()
    }
    base = {
        "status": status,
        "signature": f"{name}-signature",
        "method": method,
        "label": method,
        "seed": seed,
        "iteration": 1000,
        "iterations": 1000,
        "seconds": 20.0,
        "metrics": metrics,
        "oscillation": {"discriminator": 0.25, "generator": 0.5},
        "versions": {"torch": "2.14.1"},
        "git": "abc",
        "provenance": {},
        "diverged_at": None,
        "error": None,
        "options": [],
    }
    files.write_json(run / files.SUMMARY, base | summary)
    files.write_text(run / files.CONFIG, yaml.safe_dump({"seed": seed, "loss": {"name": method}} | (config or {})))
    asked = overrides if overrides is not None else [f"method={method}"]
    files.write_text(run / files.OVERRIDES, yaml.safe_dump([*asked, f"seed={seed}"]))
    if curves:
        length = max(map(len, curves.values()))
        rows = [{"iteration": 100 * (row + 1), "images": 0, "seconds": 1.0} for row in range(length)]
        for column, values in curves.items():
            for row, value in zip(rows, values):
                row[column] = value
        files.write_rows(run / files.METRICS, ["iteration", "images", "seconds", *curves], rows)
    for iteration, colour in (pictures or {}).items():
        (run / files.SAMPLES).mkdir(exist_ok=True)
        Image.fromarray(np.full((16, 16, 3), colour, dtype=np.uint8)).save(run / files.SAMPLES / f"{iteration}.png")
    return run


@pytest.fixture
def make_run():
    """``write_run``."""
    return write_run
