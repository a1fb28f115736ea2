"""Scores of one set of images against another."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from steadygan.commands.evaluating import metric_keys, scores
from steadygan.commands.evaluating.metric_keys import Nodes
from steadygan.common.errors import UserError, bad_value
from steadygan.config.instantiation import make
from steadygan.config.node import Config
from steadygan.core.draws import generator
from steadygan.data.pictures import Pictures
from steadygan.metrics.base import SampleMetric
from steadygan.runs import files
from steadygan.training.evaluation import score

USUAL = ("fid", "kid", "precision_recall")
"""Metrics of images where none is named."""

SAMPLE_SEED = 0
"""Of the choice of images where fewer are scored than there are."""


def of_images(a: Path, b: Path, keys: Sequence[str], export: Path | None, out: Path | None) -> Iterator[str]:
    """Score the images of ``a`` against those of ``b``; yields lines to be shown."""
    shown, stated = Pictures(a), _is_statistics(b)
    real = shown if stated else Pictures(b)
    if shown.shape[0] != real.shape[0]:
        raise UserError(f"{a} and {b}: images of {shown.shape[0]} and of {real.shape[0]} channels")
    counts = {a: shown.num_data, **({} if stated else {b: real.num_data})}
    for path, count in counts.items():
        if count < 2:
            raise UserError(f"{path}: {count} image, and scores of sets of images need at least 2 in each")
    settings = _settings(keys, counts, a, statistics=b if stated else None)
    metrics = {name: make(node, f"metrics.{name}")(dataset=real) for name, node in settings.items()}
    if export is not None:
        yield scores.export(export, metrics)
    values = _values(metrics, shown.examples("train")[0])
    yield from scores.table({"": values})
    if out is not None:
        about = {"images": [str(a), str(b)], "count": [shown.num_data, 0 if stated else real.num_data]}
        files.write_json(out, {**about, **scores.content(values, metrics), "settings": settings})
        yield str(out)


def _settings(keys: Sequence[str], counts: Mapping[Path, int], shown: Path, statistics: Path | None) -> Nodes:
    """Return the metrics that are asked for, with the settings that follow from the images."""
    usual = USUAL if statistics is None else ("fid",)
    defaults = metric_keys.nodes({name: metric_keys.option(name) for name in usual}, [])
    settings = {}
    for name, node in metric_keys.nodes(defaults, keys).items():
        settings[name] = {**node, **_sized(name, node, keys, counts[shown], min(counts.values()))}
        _check_count(name, settings[name], shown, counts[shown])
        if statistics is not None:
            if "statistics" not in node:
                raise UserError(f"{statistics} holds statistics, which is enough for metrics=[fid] only")
            settings[name]["statistics"] = str(statistics)
    return settings


def _values(metrics: Mapping[str, SampleMetric], samples: Tensor) -> dict[str, float]:
    values: dict[str, float] = {}
    for metric in metrics.values():
        values |= score(metric, {"samples": _chosen(samples, metric.samples)})
        if metric.samples < len(samples):
            metric.provenance["sample_seed"] = SAMPLE_SEED
    return values


def _sized(name: str, node: Config, keys: Sequence[str], count: int, fewest: int) -> dict[str, object]:
    """Return the values of a node that follow from the images, where the user set none."""
    follows = {"samples": count, "features": "inception"}
    if "subset_size" in node:
        follows["subset_size"] = min(node["subset_size"], fewest)
    paths = [text.partition("=")[0].split(".") for text in keys]
    shared = {key[-1] for key in paths if len(key) == 2}
    set_keys = shared | {key[2] for key in paths if key[1:2] == [name] and len(key) > 2}
    return {key: value for key, value in follows.items() if key in node and key not in set_keys}


def _check_count(name: str, node: Config, path: Path, count: int) -> None:
    """Refuse to score more samples than there are: the score would be that of fewer than it says."""
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
