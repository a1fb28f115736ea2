"""The feature network of the image metrics: a small classifier of the data set itself.

Inception's features mean little for digits of 8 x 8 pixels, and its weights have to be downloaded. This one is
trained once on the train split, in seconds, and kept in the cache by the content of the data. Its scores compare
runs on one data set with each other; they are not those of papers.
"""

import logging
from copy import deepcopy

import torch
from torch import Tensor

from steadygan.common.errors import UserError
from steadygan.common.paths import cache_dir
from steadygan.data.base import LabelledImages
from steadygan.data.storage.frames import from_bytes
from steadygan.metrics.features.cache import Tensors, content_hash, load_or_make
from steadygan.metrics.features.convnet import RECIPE, ConvNet, build, train
from steadygan.metrics.features.network import FeatureNetwork
from steadygan.metrics.features.real import blocks, real_images

log = logging.getLogger("steadygan")

_LOW_ACCURACY = 0.9

_classifiers: dict[tuple[str, str], "Classifier"] = {}


class Classifier(FeatureNetwork):
    """A trained network, with its ``accuracy`` on the test split; ``key`` is a hash of the data and the recipe."""

    def __init__(self, key: str, network: ConvNet, accuracy: float, dtype: str = "float32") -> None:
        super().__init__(dtype)
        self.key = key if self.dtype is torch.float32 else f"{key}-{dtype}"
        self.accuracy, self.num_features = accuracy, network.head.in_features
        self.provenance = {
            "feature_network": f"small classifier, version {RECIPE['version']}",
            "weights": content_hash(network.state_dict())[:16],
            "accuracy": accuracy,
            "data_and_recipe": key[:16],
            "images": "clamped to [-1, 1], rounded to 8 bits, not resized",
            "dtype": dtype,
        }
        self._networks = {torch.device("cpu"): network.to(self.weights_dtype)}

    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return features ``[B, 64]`` and logits ``[B, K]``."""
        with self.computing(images.device):
            return outputs(self._network(images.device), images, self.weights_dtype)

    @property
    def network(self) -> ConvNet:
        """On the CPU; not to be changed."""
        return self._network(torch.device("cpu"))

    def _network(self, device: torch.device) -> ConvNet:
        if device not in self._networks:
            self._networks[device] = deepcopy(self._networks[torch.device("cpu")]).to(device)
        return self._networks[device]


def outputs(network: ConvNet, images: Tensor, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Return features and logits, float64, of images ``[N, C, H, W]`` uint8, a block at a time."""
    parts = [
        network(from_bytes(part, dtype).contiguous(memory_format=torch.channels_last))
        for part in images.split(Classifier.block)
    ]
    features, logits = zip(*parts)
    return torch.cat(features).double(), torch.cat(logits).double()


def classifier_for(dataset: LabelledImages, dtype: str = "float32") -> Classifier:
    """Return the classifier of a set of labelled images: from this process, from the cache, or trained now.

    Training is always on the CPU, so that the weights do not depend on the device of the run.
    """
    data = _Splits(dataset)
    key = data.content()
    if (key, dtype) not in _classifiers:
        shape, num_classes = tuple(data.train.shape[1:]), int(dataset.num_classes)

        def make() -> Tensors:
            return _train(type(dataset).__name__, data, num_classes)

        stored = load_or_make(cache_dir() / "classifiers" / f"{key[:32]}.pt", make)
        accuracy = float(stored.pop("accuracy"))
        network = build(shape, num_classes)
        network.load_state_dict(stored)
        _classifiers[key, dtype] = Classifier(key, network.eval().requires_grad_(False), accuracy, dtype)
    return _classifiers[key, dtype]


def known_labels(dataset: LabelledImages, split: str) -> Tensor:
    """Return the labels of a split, int64 on the CPU; a ``UserError`` if one stands for no class of the data set."""
    labels = dataset.examples(split)[1]
    if labels is None:
        raise UserError(f"dataset: {type(dataset).__name__} has no labels in the {split} split")
    labels = labels.long().cpu()
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < dataset.num_classes:
        span = f"{int(labels.min())} to {int(labels.max())} in the {split} split"
        raise UserError(f"dataset: {type(dataset).__name__} has {dataset.num_classes} classes, and labels {span}")
    return labels


class _Splits:
    """Both splits, images as bytes: what the network and its accuracy depend on."""

    def __init__(self, dataset: LabelledImages) -> None:
        self.train, self.test = real_images(dataset, "train"), real_images(dataset, "test")
        self.train_y, self.test_y = (known_labels(dataset, split) for split in ("train", "test"))

    def content(self) -> str:
        """Return a hash of the data and of the recipe."""
        labels = {"train_y": self.train_y, "test_y": self.test_y}
        return content_hash(labels, [RECIPE, self.train.content, self.test.content])


def _train(name: str, data: _Splits, num_classes: int) -> Tensors:
    """Return weights and ``accuracy`` on the test split."""
    log.info("Training the small classifier of %s for its image metrics (once, under a minute)", name)
    network = train(data.train, data.train_y, num_classes)
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        predicted = torch.cat([outputs(network, block)[1].argmax(1) for block in blocks(data.test, Classifier.block)])
    accuracy = (predicted == data.test_y).double().mean()
    if accuracy < _LOW_ACCURACY:
        log.warning("The small classifier of %s is right on %.1f %% only: trust its scores less", name, 100 * accuracy)
    return {**{key: value.contiguous() for key, value in network.state_dict().items()}, "accuracy": accuracy}
