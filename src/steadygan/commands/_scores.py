"""Computing and writing the scores of ``steadygan evaluate``."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import Tensor

import steadygan
from steadygan.commands import _data
from steadygan.common.errors import UserError, bad_value
from steadygan.common.paths import conf_dir
from steadygan.config.build import build_metrics, make
from steadygan.config.check import typed_node
from steadygan.config.targets import SHARED, metric_nodes
from steadygan.core.draws import generator
from steadygan.data.pictures import Pictures
from steadygan.metrics.base import SampleMetric
from steadygan.metrics.features import statistics
from steadygan.metrics.fid import FID
from steadygan.runs import files
from steadygan.training.evaluation import score

USUAL = ("fid", "kid", "precision_recall")
"""Metrics of images where none is named."""

FOLDER = "evaluate"

SAMPLE_SEED = 0
"""Of the choice of images where fewer are scored than there are."""

Nodes = dict[str, dict[str, Any]]


def nodes(defaults: Mapping[str, Any], keys: Sequence[str]) -> Nodes:
    """Return the metrics to be taken, by name, with their settings.

    Args:
        defaults: those there are without ``keys``; their settings are kept where a metric is named again.
        keys: ``metrics=[NAME,...]``, ``metrics.NAME.KEY=VALUE``, and ``metrics.KEY=VALUE`` for the keys ``SHARED``.

    Raises:
        UserError: a key or a value that cannot be.
    """
    pairs = [_pair(text) for text in keys]
    result = {name: dict(node) for name, node in defaults.items()}
    for value in (value for key, value in pairs if len(key) == 1):
        names = value if isinstance(value, list) else [value]
        result = {name: result.get(name) or _option(name) for name in names}
    for key, value in (pair for pair in pairs if len(pair[0]) == 2):
        result = {name: {**node, key[1]: value} if key[1] in node else node for name, node in result.items()}
    for key, value in (pair for pair in pairs if len(pair[0]) > 2):
        _set(result, key, value)
    if not result:
        raise bad_value("metrics", "[]", "nothing to be taken", _options())
    return {name: typed_node(f"metrics.{name}", node) for name, node in result.items()}


def _pair(text: str) -> tuple[list[str], Any]:
    key, equals, value = text.partition("=")
    first, *rest = key.split(".")
    if not equals or first != "metrics" or (len(rest) == 1 and rest[0] not in SHARED):
        problem = f"must be metrics=[NAME,...], metrics.NAME.KEY=VALUE or, of {', '.join(SHARED)}, metrics.KEY=VALUE"
        raise bad_value(key, value, problem)
    try:
        stated = OmegaConf.from_dotlist([f"value={value}"])  # which reads 1e3 as a number
        return key.split("."), OmegaConf.to_container(stated)["value"]
    except (yaml.YAMLError, OmegaConfBaseException) as error:
        raise bad_value(key, value, "cannot be read") from error


def _options() -> list[str]:
    return [path.stem for path in (conf_dir() / "metrics").glob("*.yaml")]


def _option(name: Any) -> dict[str, Any]:
    if name not in _options():
        raise bad_value("metrics", name, "no such metric", _options())
    shared, option = (OmegaConf.load(conf_dir() / path) for path in ("config.yaml", f"metrics/{name}.yaml"))
    root = OmegaConf.create({"metrics": OmegaConf.merge(shared.metrics, option)})
    return OmegaConf.to_container(root.metrics[name], resolve=True)


def _set(nodes: Nodes, key: list[str], value: Any) -> None:
    name, *path = key[1:]
    if name not in nodes:
        raise bad_value(".".join(key), value, f"{name} is not among the metrics", nodes)
    node = nodes[name]
    if path[0] not in node or path[0].startswith("_"):
        raise bad_value(".".join(key), value, "no such key", [known for known in node if not known.startswith("_")])
    for step in path[:-1]:
        node = node[step] if isinstance(node.get(step), dict) else node.setdefault(step, {})
    node[path[-1]] = value


# --- a run ----------------------------------------------------------------------------------------------------------


def of_run(
    run: Path, keys: Sequence[str], raw: bool, export: Path | None, out: Path | None, trust: Sequence[str] = ()
) -> Iterator[str]:
    """Score a run's generator; yields lines to be shown."""
    data, metric_keys = _data.split(keys)
    trained = steadygan.load(run, trust, data)
    labels = trained.config["labels"].get("metrics") or {}
    settings = nodes({**metric_nodes(trained.config["metrics"]), **labels}, metric_keys)
    metrics = build_metrics({"metrics": settings, "labels": {}}, trained.dataset, trained.labelling)
    values = {"ema": trained.evaluate(metrics)}
    if raw:
        values["raw"] = trained.evaluate(metrics, ema=False)
    if export is not None:
        yield _export(export, metrics)
    yield from _table(values)
    content = {"iteration": trained.iteration, "signature": trained.summary.get("signature"), **_said(values, metrics)}
    digest = hashlib.sha256(json.dumps([settings, raw], sort_keys=True, default=str).encode()).hexdigest()[:8]
    path = out or trained.directory / FOLDER / f"{trained.iteration:07d}-{digest}.json"
    files.write_json(path, {**content, "settings": settings})
    yield str(path)


def _said(values: Mapping[str, Any], metrics: Mapping[str, SampleMetric]) -> dict[str, Any]:
    return {"metrics": values, "provenance": {name: metric.provenance for name, metric in metrics.items()}}


def _table(values: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    yield " ".join([f"{'':20s}", *(f"{column:>12s}" for column in values)]).rstrip()
    for name in next(iter(values.values())):
        yield " ".join([f"{name:20s}", *(f"{scores[name]:12.6g}" for scores in values.values())])


def _export(path: Path, metrics: Mapping[str, Any]) -> str:
    fid = next((metric for metric in metrics.values() if isinstance(metric, FID)), None)
    if fid is None:
        raise UserError("--export: there are statistics where one of the metrics is fid")
    statistics.save(path, fid.statistics, fid.origin)
    return str(path)


# --- two sets of images ---------------------------------------------------------------------------------------------


def of_images(a: Path, b: Path, keys: Sequence[str], export: Path | None, out: Path | None) -> Iterator[str]:
    """Score the images of ``a`` against those of ``b``; yields lines to be shown."""
    shown = Pictures(a)
    stated = _is_statistics(b)
    real = shown if stated else Pictures(b)
    if shown.shape[0] != real.shape[0]:
        raise UserError(f"{a} and {b}: images of {shown.shape[0]} and of {real.shape[0]} channels")
    defaults = nodes({name: _option(name) for name in (("fid",) if stated else USUAL)}, [])
    counts = {a: shown.num_data, **({} if stated else {b: real.num_data})}
    for path, count in counts.items():
        if count < 2:
            raise UserError(f"{path}: {count} image, and scores of sets of images need at least 2 in each")
    fewest = min(counts.values())
    named = nodes(defaults, keys)
    for name, node in named.items():
        node |= _sized(name, node, keys, shown.num_data, fewest)
        _check_count(name, node, a, shown.num_data)
        if stated:
            if "statistics" not in node:
                raise UserError(f"{b} holds statistics, which is enough for metrics=[fid] only")
            node["statistics"] = str(b)
    metrics = {name: make(node, f"metrics.{name}")(dataset=real) for name, node in named.items()}
    if export is not None:
        yield _export(export, metrics)
    values: dict[str, float] = {}
    samples = shown.examples("train")[0]
    for metric in metrics.values():
        values |= score(metric, {"samples": _chosen(samples, metric.samples)})
        if metric.samples < len(samples):
            metric.provenance["sample_seed"] = SAMPLE_SEED
    yield from _table({"": values})
    if out is not None:
        content = {"images": [str(a), str(b)], "count": [shown.num_data, 0 if stated else real.num_data]}
        files.write_json(out, {**content, **_said(values, metrics), "settings": named})
        yield str(out)


def _sized(name: str, node: Mapping[str, Any], keys: Sequence[str], count: int, fewest: int) -> dict[str, Any]:
    """Return the values of a node that follow from the images, where the user set none."""
    follows = {"samples": count, "features": "inception"}
    if "subset_size" in node:
        follows["subset_size"] = min(node["subset_size"], fewest)
    paths = [text.partition("=")[0].split(".") for text in keys]
    shared = {key[-1] for key in paths if len(key) == 2}
    set_keys = shared | {key[2] for key in paths if key[1:2] == [name] and len(key) > 2}
    return {key: value for key, value in follows.items() if key in node and key not in set_keys}


def _check_count(name: str, node: Mapping[str, Any], path: Path, count: int) -> None:
    """Refuse to score more samples than there are: the score would be that of fewer than it says.

    Raises:
        UserError: ``samples`` is more than ``count``.
    """
    samples = node.get("samples")
    if isinstance(samples, int | float) and samples > count:
        raise bad_value(f"metrics.{name}.samples", samples, f"{path} has {count} images")


def _chosen(samples: Tensor, count: int) -> Tensor:
    """Return ``count`` of the images: by a seed, since the first files often are of one class."""
    if count >= len(samples):
        return samples
    return samples[torch.randperm(len(samples), generator=generator(SAMPLE_SEED, "images"))[:count].sort().values]


def _is_statistics(path: Path) -> bool:
    if path.suffix != ".npz" or not path.is_file():
        return False
    try:
        with np.load(path, allow_pickle=False) as stored:
            return "mu" in stored.files
    except Exception:  # a damaged archive shows itself by almost any
        return False  # what it is instead is said where it is read
