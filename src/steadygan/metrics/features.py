"""Metrics of images by the features of a network, and what the data have of the same features."""

import logging
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torchmetrics.utilities import dim_zero_cat

from steadygan.common.errors import UserError, bad_value
from steadygan.common.paths import cache_dir, expanded
from steadygan.common.progress import progress
from steadygan.core.draws import generator
from steadygan.metrics.cache import Tensors, content_hash, load_or_make
from steadygan.metrics.classifier import classifier_for, known_labels
from steadygan.metrics.fits import has_images, has_labelled_images, misfit
from steadygan.metrics.frechet import Reference
from steadygan.metrics.inception import SHA256, Inception
from steadygan.metrics.network import DTYPES, FeatureNetwork
from steadygan.metrics.real import Images, blocks, real_images
from steadygan.metrics.shell import SampleMetric, whole_number
from steadygan.metrics.user_network import UserNetwork
from steadygan.runs.files import file_hash

log = logging.getLogger("steadygan")

SPLITS = ("train", "test")
NETWORKS = ("classifier", "inception")

_networks: dict[Any, FeatureNetwork] = {}
_references: dict[str, Any] = {}


def network_for(
    name: str,
    dataset: Any,
    features: Any = "classifier",
    weights: str | None = None,
    resize: str = "torch-fidelity",
    dtype: str = "float32",
) -> FeatureNetwork:
    """Return the network that a metric's settings name, the same object for metrics that name the same one.

    Args:
        name: of the metric's node.
        dataset: of images.
        features: "classifier" (the data set's own), "inception", or a module.
        weights: of Inception; None: where torch.hub keeps them.
        resize: to Inception's size: "torch-fidelity", "pytorch-fid" or "clean".
        dtype: what it computes in: "float32", "float64" or "bfloat16".

    Raises:
        UserError: it does not fit the data, cannot be had, or there is none of this name.
    """
    if dtype not in DTYPES:
        raise bad_value(f"metrics.{name}.dtype", dtype, "no such type", DTYPES)
    if isinstance(features, nn.Module):
        network = UserNetwork(features, tuple(dataset.shape), dtype, f"metrics.{name}.features")
        return _networks.setdefault(network.key, network)
    if features == "classifier":
        if not has_labelled_images(dataset):
            raise misfit(name, dataset, "labelled images", f"or metrics.{name}.features=inception (docs/data.md)")
        return classifier_for(dataset, dtype)
    if features != "inception":
        raise bad_value(f"metrics.{name}.features", features, "no such feature network", NETWORKS)
    if (weights, resize, dtype) not in _networks:
        _networks[weights, resize, dtype] = Inception(weights, resize, dtype)
    return _networks[weights, resize, dtype]


class Gaussian(NamedTuple):
    """Mean, covariance and number of feature vectors."""

    mean: Tensor
    cov: Tensor
    count: int


def gaussian(count: Tensor, total: Tensor, outer: Tensor) -> tuple[Tensor, Tensor]:
    """Mean ``[d]`` and unbiased covariance ``[d, d]`` from sums, in float64.

    Args:
        count: number of vectors.
        total: ``[d]``, their sum.
        outer: ``[d, d]``, the sum of their outer products.
    """
    mean = total / count
    return mean, (outer - count * torch.outer(mean, mean)) / (count - 1)


def reference_statistics(dataset: Any, network: FeatureNetwork, split: str) -> tuple[Gaussian, Reference]:
    """Mean and covariance of the features of a split, computed once and kept on disk.

    They are found again by what they depend on: the images, the split, the network with its weights and resizer.
    """
    images = real_images(dataset, split)
    count = enough(images.shape[0], split)
    key = content_hash({}, [images.content, network.key, network.provenance["weights"], split])

    def make() -> Tensors:
        total = torch.zeros(network.num_features, dtype=torch.float64)
        outer = torch.zeros(network.num_features, network.num_features, dtype=torch.float64)
        for features in _features(images, network, split):
            total += features.double().sum(0)
            outer += features.double().mT @ features.double()
        mean, cov = gaussian(torch.tensor(count), total, outer)
        return {"mean": mean, "cov": cov, "count": torch.tensor(count)}

    if key not in _references:
        stored = load_or_make(cache_dir() / "references" / f"{key[:40]}.pt", make)
        moments = Gaussian(stored["mean"], stored["cov"], int(stored["count"]))
        _references[key] = moments, Reference.of(moments.mean, moments.cov)
    return _references[key]


def enough(count: int, split: str) -> int:
    """Return ``count`` if a covariance can be taken of so many images of a split.

    Raises:
        UserError: fewer than two.
    """
    if count < 2:
        raise UserError(f"metrics: the {split} split has {count} image, and scores of features need at least 2")
    return count


def reference_features(dataset: Any, network: FeatureNetwork, split: str, most: int, seed: int) -> Tensor:
    """Features ``[n, d]`` float64 of a split, or of ``most`` of its images that the seed chooses; kept on disk."""
    images = real_images(dataset, split)
    rows = torch.arange(enough(images.shape[0], split))
    if len(rows) > most:
        rows = torch.randperm(len(rows), generator=generator(seed, "metric/reference"))[:most].sort().values
    key = content_hash({"rows": rows}, [images.content, network.key, network.provenance["weights"], "features"])
    if key not in _references:

        def make() -> Tensors:
            made = [part.to(network.weights_dtype) for part in _features(images, network, split, rows)]
            return {"features": torch.cat(made)}

        stored = load_or_make(cache_dir() / "references" / f"{key[:40]}.pt", make)
        _references[key] = stored["features"].double()
    return _references[key]


def class_references(dataset: Any, network: FeatureNetwork, split: str) -> list[Reference]:
    """Return the reference statistics of the features of each class of a split.

    Raises:
        UserError: a class has fewer than two images there.
    """
    images, labels = real_images(dataset, split), known_labels(dataset, split)
    if (counts := torch.bincount(labels, minlength=dataset.num_classes)).min() < 2:
        count = f"{int(counts.min())} of class {int(counts.argmin())}"
        raise UserError(f"metrics=intra_fid: needs two images of each class, and the {split} split has {count}")
    key = content_hash({"labels": labels}, [images.content, network.key, network.provenance["weights"], "classes"])
    if key not in _references:
        features = reference_features(dataset, network, split, images.shape[0], 0)
        by_class = (features[labels == label] for label in range(dataset.num_classes))
        _references[key] = [Reference.of_samples(rows) for rows in by_class]
    return _references[key]


def by_content(**config: Any) -> dict[str, Any]:
    """Return a metric's settings with the hash of a file in place of its name, for the signature of a run.

    The published weights are None wherever they are; of a file that is missing the name is left, for who reads it.
    """
    hashes = {key: _hash(key, config[key]) for key in ("weights", "statistics") if config.get(key) is not None}
    if hashes.get("weights") == SHA256:
        hashes["weights"] = None
    return {**config, **hashes}


def _hash(key: str, path: str) -> str | None:
    try:
        return file_hash(expanded(key, str(path)))
    except (FileNotFoundError, NotADirectoryError):
        return path
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error


def singular(node: str, samples: int, size: int, key: str = "samples") -> None:
    """Say once that covariances of so few samples are singular, and what follows from it."""
    if samples <= size:
        say_once(
            f"metrics.{node}.{key}={samples}: no more than the {size} features, so the covariance of the samples is "
            f"singular and the score far above that of many samples; compare it at the same number only"
        )


@cache
def say_once(text: str) -> None:
    """Warn, once a process."""
    log.warning(text)


def _features(images: Images, network: FeatureNetwork, split: str, rows: Tensor | None = None) -> Iterator[Tensor]:
    """Features of all images or of the ``rows``, a block at a time, on the CPU; computed by a GPU where there is one.

    Inception on a CPU takes hours for a hundred thousand images: how far it is, is shown.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    total = images.shape[0] if rows is None else len(rows)
    with progress(f"Features of the {split} images, once", total, "images") as step:
        for block in blocks(images, network.block, rows):
            yield network.outputs(block.to(device))[0].cpu()
            step(len(block))


class FeatureMetric(SampleMetric):
    """A metric of the features of images; subclasses define how features are scored (``of_features``).

    Keeps the features of the samples. Where any is not finite all scores are nan.

    Args:
        dataset: of images.
        samples: generated images.
        split: "train" or "test", the images to compare with.
        **network: ``features``, ``weights``, ``resize`` and ``dtype``; see ``network_for``.

    Attributes:
        node: the name of its node in a config.

    Raises:
        UserError: the data are no images or do not fit, or a setting is none of its choices.
    """

    node: str
    fingerprint = staticmethod(by_content)

    def __init__(self, dataset: Any, samples: int, split: str, **network: Any) -> None:
        if not has_images(dataset):
            raise misfit(self.node, dataset, "images")
        if split not in SPLITS:
            raise bad_value(f"metrics.{self.node}.split", split, "no such split", SPLITS)
        super().__init__(self.node, samples)
        self.split = split
        self.network = network_for(self.node, dataset, **network)
        self.keep()
        self.provenance |= self.network.provenance | {"split": split, "split_size": len(dataset.examples(split)[0])}

    def keep(self) -> None:
        """Declare the state."""
        self.add_state("kept", [], dist_reduce_fx="cat")

    def take(self, x: Tensor) -> None:
        """Keep the features of images ``[n, C, H, W]``."""
        self.kept.append(self.network(x)[0])

    def score(self) -> dict[str, float]:
        """Return the scores."""
        features = dim_zero_cat(self.kept).cpu()
        if len(features) < 2:
            return dict.fromkeys(self.directions, float("nan"))
        if not bool(features.isfinite().all()):
            return dict.fromkeys(self.directions, float("nan"))
        return self.of_features(features)

    def of_features(self, features: Tensor) -> dict[str, float]:
        """Return the scores of features ``[N, d]`` float64 on the CPU."""
        raise TypeError(f"{type(self).__name__} does not say how it scores")

    def _reference(self, dataset: Any, most: int, seed: int) -> Tensor:
        """Features of the data, noted in the provenance."""
        seed = whole_number(f"metrics.{self.node}.reference_seed", seed, 0)
        most = whole_number(f"metrics.{self.node}.reference_samples", most, 2)
        features = reference_features(dataset, self.network, self.split, most, seed)
        self.provenance |= {"reference_samples": len(features), "reference_seed": seed}
        return features
