"""What the data have of a network's features: computed once, and kept on disk."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from steadygan.common.errors import UserError
from steadygan.common.paths import cache_dir
from steadygan.common.progress import show_progress
from steadygan.core.draws import generator
from steadygan.data.base import ImageData, Images, LabelledImages
from steadygan.metrics.features.cache import Tensors, content_hash, load_or_make
from steadygan.metrics.features.classifier import known_labels
from steadygan.metrics.features.network import FeatureNetwork
from steadygan.metrics.features.real import TensorImages, blocks, real_images
from steadygan.metrics.frechet import Reference


class Gaussian(NamedTuple):
    """Mean, covariance and number of feature vectors."""

    mean: Tensor
    cov: Tensor
    number: int


_statistics: dict[str, tuple[Gaussian, Reference]] = {}
_features: dict[str, Tensor] = {}
_classes: dict[str, list[Reference]] = {}


def gaussian(count: Tensor, total: Tensor, outer: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean ``[d]`` and unbiased covariance ``[d, d]`` from the sums of vectors and of their outer products."""
    mean = total / count
    return mean, (outer - count * torch.outer(mean, mean)) / (count - 1)


def reference_statistics(dataset: ImageData, network: FeatureNetwork, split: str) -> tuple[Gaussian, Reference]:
    """Return mean and covariance of the features of a split.

    They are found again by what they depend on: the images, the split, the network with its weights and resizer.
    """
    images = real_images(dataset, split)
    count = enough(images.shape[0], split)
    key = content_hash({}, [images.content, network.key, network.provenance["weights"], split])

    def make() -> Tensors:
        total = torch.zeros(network.num_features, dtype=torch.float64)
        outer = torch.zeros(network.num_features, network.num_features, dtype=torch.float64)
        for features in _computed(images, network, split):
            total += features.double().sum(0)
            outer += features.double().mT @ features.double()
        mean, cov = gaussian(torch.tensor(count), total, outer)
        return {"mean": mean, "cov": cov, "count": torch.tensor(count)}

    if key not in _statistics:
        stored = _stored(key, make)
        moments = Gaussian(stored["mean"], stored["cov"], int(stored["count"]))
        _statistics[key] = moments, Reference.of(moments.mean, moments.cov)
    return _statistics[key]


def enough(count: int, split: str) -> int:
    """Return ``count`` if a covariance can be taken of so many images of a split, else raise a ``UserError``."""
    if count < 2:
        raise UserError(f"metrics: the {split} split has {count} image, and scores of features need at least 2")
    return count


def reference_features(dataset: ImageData, network: FeatureNetwork, split: str, most: int, seed: int) -> Tensor:
    """Return features ``[n, d]`` float64 of a split, or of ``most`` of its images that the seed chooses."""
    images = real_images(dataset, split)
    rows = torch.arange(enough(images.shape[0], split))
    if len(rows) > most:
        rows = torch.randperm(len(rows), generator=generator(seed, "metric/reference"))[:most].sort().values
    key = content_hash({"rows": rows}, [images.content, network.key, network.provenance["weights"], "features"])

    def make() -> Tensors:
        made = [part.to(network.weights_dtype) for part in _computed(images, network, split, rows)]
        return {"features": torch.cat(made)}

    if key not in _features:
        _features[key] = _stored(key, make)["features"].double()
    return _features[key]


def class_references(dataset: LabelledImages, network: FeatureNetwork, split: str) -> list[Reference]:
    """Return the reference statistics of each class of a split; a ``UserError`` if one has fewer than two images."""
    images, labels = real_images(dataset, split), known_labels(dataset, split)
    if (counts := torch.bincount(labels, minlength=dataset.num_classes)).min() < 2:
        count = f"{int(counts.min())} of class {int(counts.argmin())}"
        raise UserError(f"metrics=intra_fid: needs two images of each class, and the {split} split has {count}")
    key = content_hash({"labels": labels}, [images.content, network.key, network.provenance["weights"], "classes"])
    if key not in _classes:
        features = reference_features(dataset, network, split, images.shape[0], 0)
        _classes[key] = [Reference.of_samples(features[labels == label]) for label in range(dataset.num_classes)]
    return _classes[key]


def _computed(
    images: Images | TensorImages, network: FeatureNetwork, split: str, rows: Tensor | None = None
) -> Iterator[Tensor]:
    """Yield features of all images or of the ``rows``, a block at a time, on the CPU; by a GPU if there is one.

    Inception on a CPU takes hours for a hundred thousand images: how far it is, is shown.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    total = images.shape[0] if rows is None else len(rows)
    with show_progress(f"Features of the {split} images, once", total, "images") as step:
        for block in blocks(images, network.block, rows):
            yield network.outputs(block.to(device))[0].cpu()
            step(len(block))


def _stored(key: str, make: Callable[[], Tensors]) -> Tensors:
    return load_or_make(cache_dir() / "references" / f"{key[:40]}.pt", make)
