"""Scores of a run's generator."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import steadygan
from steadygan.commands.evaluating import metric_keys, scores
from steadygan.commands.shared import run_options
from steadygan.config.building import build_metrics
from steadygan.config.targets import metric_nodes
from steadygan.runs import files

FOLDER = "evaluate"


def of_run(
    run: Path, keys: Sequence[str], raw: bool, export: Path | None, out: Path | None, trust: Sequence[str] = ()
) -> Iterator[str]:
    """Score a run's generator; yields lines to be shown."""
    data, asked = run_options.split(keys)
    trained = steadygan.load(run, trust, data)
    labels = trained.config["labels"].get("metrics") or {}
    settings = metric_keys.nodes({**metric_nodes(trained.config["metrics"]), **labels}, asked)
    metrics = build_metrics({"metrics": settings, "labels": {}}, trained.dataset, trained.labelling)
    values = {"ema": trained.evaluate(metrics)}
    if raw:
        values["raw"] = trained.evaluate(metrics, ema=False)
    if export is not None:
        yield scores.export(export, metrics)
    yield from scores.table(values)
    identity = {"iteration": trained.iteration, "signature": trained.summary.get("signature")}
    digest = hashlib.sha256(json.dumps([settings, raw], sort_keys=True, default=str).encode()).hexdigest()[:8]
    path = out or trained.directory / FOLDER / f"{trained.iteration:07d}-{digest}.json"
    files.write_json(path, {**identity, **scores.content(values, metrics), "settings": settings})
    yield str(path)
