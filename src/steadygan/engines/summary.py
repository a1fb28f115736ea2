"""A run's ``summary.json``."""

from typing import Any

import numpy as np
from scipy.signal import detrend, periodogram

from steadygan.engines.distributed.place import processes
from steadygan.engines.memory import peak
from steadygan.engines.parts import Job, Parts
from steadygan.engines.provenance import git, versions

FEWEST = 8
"""Rows below which a spectrum says nothing."""

ROUNDING = 1e-9
"""Share of a loss below which its moves are none."""


def metric_summary(rows: list[dict[str, str]], metrics: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Of every metric ``final``, ``best``, ``gap`` (``final`` minus ``best``), ``area`` (the mean over all evaluations)
    and which way is better."""
    summary = {}
    for metric in metrics.values():
        for name, direction in metric.directions.items():
            values = [float(row[f"metric/{name}"]) for row in rows if row.get(f"metric/{name}")]
            if values:
                best = max(values) if direction == "max" else min(values)
                area = float(np.mean(values))
                gap = values[-1] - best
                summary[name] = {"final": values[-1], "best": best, "gap": gap, "area": area, "direction": direction}
    return summary


def oscillation(rows: list[dict[str, str]]) -> dict[str, float | None]:
    """The standard deviation of each player's logged loss over the last half of the run, linear trend removed."""
    return {player: _spread(rows[len(rows) // 2 :], f"loss/{player}") for player in ("discriminator", "generator")}


def _spread(rows: list[dict[str, str]], column: str) -> float | None:
    values = [float(row[column]) for row in rows if row.get(column)]
    return float(np.std(detrend(values))) if len(values) > 2 else None


def spectrum(rows: list[dict[str, str]]) -> dict[str, dict[str, float] | None]:
    """The strongest oscillation of each player's loss over the last half of the run, linear trend removed.

    ``period`` in iterations, and ``share`` of the variance at it: near 1 for a cycle, small for noise. By the
    periodogram under a Hann window, of the rows that ``log_every`` wrote.
    """
    return {player: _peak(rows[len(rows) // 2 :], f"loss/{player}") for player in ("discriminator", "generator")}


def _peak(rows: list[dict[str, str]], column: str) -> dict[str, float] | None:
    points = [(int(row["iteration"]), float(row[column])) for row in rows if row.get(column)]
    if len(points) < FEWEST:
        return None
    spacing = float(np.median(np.diff([iteration for iteration, _ in points])))
    values = [value for _, value in points]
    moves = detrend(values)
    if np.abs(moves).max() <= ROUNDING * np.abs(values).max():
        return None
    frequencies, power = periodogram(moves, window="hann", detrend=False)
    total, peak = float(power[1:].sum()), int(power[1:].argmax()) + 1
    # the window spreads a line over its neighbours
    near = float(power[max(peak - 1, 1) : peak + 2].sum())
    return {"period": spacing / float(frequencies[peak]), "share": near / total}


def summary(
    job: Job,
    parts: Parts,
    *,
    status: str,
    iteration: int,
    seconds: float,
    rows: list[dict[str, str]],
    diverged_at: int | None = None,
) -> dict[str, Any]:
    """The whole of it."""
    return {
        **identity(job, status),
        "iteration": iteration,
        "seconds": seconds,
        "diverged_at": diverged_at,
        "metrics": metric_summary(rows, dict(parts.metrics)),
        "oscillation": oscillation(rows),
        "spectrum": spectrum(rows),
        "devices": processes(job.config["trainer"]),
        "memory": peak(),
        "passports": {name: passport(metric, job) for name, metric in parts.metrics.items()},
    }


def identity(job: Job, status: str) -> dict[str, Any]:
    """What is known of a run before it has trained."""
    return {
        "status": status,
        "signature": job.signature,
        "method": job.method,
        "label": job.label,
        "seed": job.seed,
        "iterations": job.iterations,
        "versions": versions(),
        "git": git(),
    }


def passport(metric: Any, job: Job) -> dict[str, Any]:
    """What a metric's numbers depend on, the weights that they are of included."""
    ema = job.config["ema"]
    return {**metric.passport, "generator": "ema", "ema": {key: ema[key] for key in ("decay", "rampup")}}
