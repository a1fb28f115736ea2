"""Data sets and metrics of the user's own, tried before anything is trained."""

import json
import math
from collections.abc import Mapping
from numbers import Integral

import torch
from torch import Tensor

from steadygan.common.errors import UserError
from steadygan.config.node import Built, Config
from steadygan.config.protocols import PAGE, has_members, numbers
from steadygan.config.trials.attempt import Attempt, is_ours
from steadygan.data.base import Dataset
from steadygan.training.labelling import needs

MOST = 10**7
"""Numbers in the samples that a metric is tried on; one that wants more is not."""

_tried: set[str] = set()


def try_dataset(key: str, dataset: Dataset, batch_size: int, dtype: torch.dtype) -> None:
    """Try one batch of a data set, as large as training asks for."""
    has_members("dataset", key, dataset)
    if not isinstance(dataset.shape, tuple | list) or not all(isinstance(size, Integral) for size in dataset.shape):
        raise UserError(f"{key}: shape={dataset.shape!r}: must be a tuple of whole numbers, such as (2,)\n{PAGE}")
    for name, value in (("num_data", dataset.num_data), ("num_classes", dataset.num_classes or 0)):
        if not isinstance(value, Integral):
            raise UserError(f"{key}: {name}={value!r}: must be a whole number\n{PAGE}")
    what = f"a batch of {batch_size} examples"
    drawing = Attempt(key, f"{what}, which must all have one shape,")
    batch = drawing(lambda: dataset.batch(0, "trial", 0, batch_size, device="cpu", dtype=dtype))
    x = batch.get("x") if isinstance(batch, Mapping) else None
    shape = [batch_size, *dataset.shape]
    if not isinstance(x, Tensor) or list(x.shape) != shape or x.dtype != dtype:
        got = f"{list(x.shape)} of {x.dtype}" if isinstance(x, Tensor) else type(batch).__name__
        raise Attempt(key, what).error(f"is {got}; must be a dict with the examples under 'x', {shape} of {dtype}")
    if dataset.num_classes is not None and batch.get("y") is None:
        raise UserError(f"{key}: has num_classes={dataset.num_classes}, and no classes 'y' in its batches\n{PAGE}")


def try_metric(key: str, metric: Built) -> None:
    """Check what a metric declares."""
    has_members("metrics", key, metric)
    ways = metric.directions
    if not isinstance(ways, Mapping) or not ways or not set(ways.values()) <= {"min", "max"}:
        problem = "must say of each score that compute() returns whether 'max' or 'min' is better"
        raise UserError(f"{key}: directions={ways!r}: {problem}\n{PAGE}")


def try_scores(key: str, node: Config, metric: Built, dataset: Dataset) -> None:
    """Score as many examples as a metric of the user's own wants samples; once in a process."""
    asked = json.dumps([key, node, str(dataset.shape)], sort_keys=True, default=str)
    if asked in _tried or is_ours(node) or list(needs(metric)) != ["samples"]:
        return
    if not isinstance(metric.samples, int) or metric.samples * math.prod(dataset.shape) > MOST:
        return
    x = dataset.batch(0, "trial", 0, metric.samples, device="cpu", dtype=torch.float32)["x"]

    def scored() -> object:
        metric.reset()
        metric.update(x)
        return metric.compute()

    scores = numbers(key, Attempt(key, f"update(samples) with {len(x)} examples, then compute(),")(scored))
    metric.reset()
    unsaid = sorted({*scores} - {*metric.directions})
    if unsaid:
        problem = f"does not say whether 'max' or 'min' is better for {', '.join(unsaid)}, which compute() gives"
        raise UserError(f"{key}: directions={dict(metric.directions)}: {problem}\n{PAGE}")
    _tried.add(asked)
