"""A run's ``summary.json``."""

import math
from collections.abc import Iterable, Mapping

import numpy as np

from steadygan.analysis.oscillation import PLAYERS, peak, spread
from steadygan.distributed.cluster import processes
from steadygan.metrics.base import Metric
from steadygan.runs import files, threshold
from steadygan.runs.job import Job
from steadygan.runs.provenance import git, versions
from steadygan.runs.threshold import Bound
from steadygan.training import memory
from steadygan.training.components import Components
from steadygan.training.state import GANState


def metric_summary(rows: list[dict[str, str]], directions: Mapping[str, str]) -> dict[str, dict[str, object]]:
    """Return each metric's ``final``, ``best``, ``gap`` (``final - best``), ``area`` (the mean) and ``direction``.

    The best is that of evaluations with a finite score.
    """
    summary = {}
    for name, direction in directions.items():
        values = [float(row[f"metric/{name}"]) for row in rows if row.get(f"metric/{name}")]
        if values:
            finite = [value for value in values if math.isfinite(value)] or values
            best = max(finite) if direction == "max" else min(finite)
            area = float(np.mean(values))
            gap = values[-1] - best
            summary[name] = {"final": values[-1], "best": best, "gap": gap, "area": area, "direction": direction}
    return summary


def oscillation(rows: list[dict[str, str]]) -> dict[str, float | None]:
    """Return the standard deviation of each player's logged loss over the last half, linear trend removed."""
    return {player: spread(_series(rows, player)[1]) for player in PLAYERS}


def spectrum(rows: list[dict[str, str]]) -> dict[str, dict[str, float] | None]:
    """Return the strongest oscillation of each player's loss over the last half (see ``oscillation.peak``)."""
    peaks = {player: peak(*_series(rows, player)) for player in PLAYERS}
    return {player: None if strongest is None else strongest._asdict() for player, strongest in peaks.items()}


def _series(rows: list[dict[str, str]], player: str) -> tuple[list[int], list[float]]:
    """Iterations and losses of the last half of the run."""
    logged = [row for row in rows[len(rows) // 2 :] if row.get(f"loss/{player}")]
    return [int(row["iteration"]) for row in logged], [float(row[f"loss/{player}"]) for row in logged]


def reached(
    rows: list[dict[str, str]], bounds: Iterable[Bound], directions: Mapping[str, str], most: Mapping[str, float]
) -> dict[str, dict[str, object] | None]:
    """Return where each metric first met its bound: ``bound``, ``iteration``, ``images`` and ``seconds``; None: never.

    Args:
        rows: of ``metrics.csv``.
        bounds: of metrics.
        directions: which way each metric is better.
        most: the largest value of those metrics that have one, for bounds in percent.
    """
    first_met: dict[str, dict[str, object] | None] = {}
    for bound in bounds:
        sign, limit = (1 if directions[bound.metric] == "max" else -1), bound.limit(most.get(bound.metric))
        met = (
            row
            for row in rows
            if limit is not None and row.get(key := f"metric/{bound.metric}") and sign * float(row[key]) >= sign * limit
        )
        first = next(met, None)
        first_met[bound.metric] = None if first is None else {
            "bound": bound.words(directions[bound.metric]),
            "iteration": int(first["iteration"]),
            "images": int(first["images"]),
            "seconds": float(first["seconds"]),
        }  # fmt: skip
    return first_met


def run_summary(
    job: Job, components: Components, gan: GANState, status: str, seconds: float, together: int = 1
) -> dict[str, object]:
    """Return the whole of it.

    Args:
        job: the run.
        components: of the run.
        gan: what trains.
        status: of the run.
        seconds: spent on it.
        together: runs that train as one program.
    """
    rows = files.read_rows(job.directory / files.METRICS)
    bounds = threshold.parse(job.config.get(threshold.OF_RUN), threshold.OF_RUN)
    return {
        **identity(job, status),
        "iteration": gan.iteration,
        "seconds": seconds,
        "diverged_at": gan.diverged_at,
        "scheme": components.scheme.record(job.directory, rows, seconds, components.algorithm.growth),
        "metrics": metric_summary(rows, components.directions),
        "directions": components.directions,
        "reached": reached(rows, bounds, components.directions, components.most),
        "oscillation": oscillation(rows),
        "spectrum": spectrum(rows),
        "data": getattr(components.dataset, "provenance", None),
        "together": together,
        "devices": processes(job.config["trainer"]),
        "memory": memory.peak(),
        "provenance": {
            name: metric_provenance(metric, job, components.raw) for name, metric in components.metrics.items()
        },
    }


def identity(job: Job, status: str) -> dict[str, object]:
    """Return what is known of a run before it has trained."""
    return {
        "status": status,
        "signature": job.signature,
        "method": job.method,
        "label": job.label,
        "seed": job.seed,
        "iterations": job.iterations,
        "options": list(job.options),
        "versions": versions(),
        "git": git(),
    }


def metric_provenance(metric: Metric, job: Job, raw: bool = False) -> dict[str, object]:
    """Return what a metric's scores depend on, the generator's weights (averaged or not) included."""
    ema = job.config["ema"]
    generator = "ema; raw_NAME: as trained" if raw else "ema"
    return {**metric.provenance, "generator": generator, "ema": {key: ema[key] for key in ("decay", "rampup")}}
