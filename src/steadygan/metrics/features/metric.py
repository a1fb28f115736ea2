"""Metrics of images by the features of a network, and which network that is."""

import logging
from functools import cache
from typing import TypedDict, Unpack

from torch import Tensor, nn

from steadygan.common.errors import UserError, bad_value
from steadygan.common.paths import expanded
from steadygan.data.base import ImageData
from steadygan.metrics.base import SPLITS, KeepingMetric
from steadygan.metrics.features.classifier import classifier_for
from steadygan.metrics.features.inception import SHA256, Inception
from steadygan.metrics.features.network import DTYPES, FeatureNetwork
from steadygan.metrics.features.references import reference_features
from steadygan.metrics.features.user_network import UserNetwork
from steadygan.metrics.fits import has_images, has_labelled_images, misfit
from steadygan.runs.files import file_hash

log = logging.getLogger("steadygan")

NETWORKS = ("classifier", "inception")

_networks: dict[str | tuple[str | None, str, str], FeatureNetwork] = {}


class NetworkSettings(TypedDict, total=False):
    """The settings of a metric that name its network.

    Attributes:
        features: "classifier" (the data set's own), "inception", or a module.
        weights: of Inception; None: where torch.hub keeps them.
        resize: to Inception's size: "torch-fidelity", "pytorch-fid" or "clean".
        dtype: what it computes in: "float32", "float64" or "bfloat16".
    """

    features: str | nn.Module
    weights: str | None
    resize: str
    dtype: str


def network_for(
    name: str,
    dataset: ImageData,
    features: str | nn.Module = "classifier",
    weights: str | None = None,
    resize: str = "torch-fidelity",
    dtype: str = "float32",
) -> FeatureNetwork:
    """Return the network that a metric's settings name, the same object for metrics that name the same one."""
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


def by_content(**config: object) -> dict[str, object]:
    """Return a metric's settings with the hash of a file in place of its name, for the signature of a run.

    The published weights are None wherever they are; of a file that is missing the name is left, for who reads it.
    """
    named = {key: str(config[key]) for key in ("weights", "statistics") if config.get(key) is not None}
    hashes: dict[str, object] = {key: _hash(key, path) for key, path in named.items()}
    if hashes.get("weights") == SHA256:
        hashes["weights"] = None
    return {**config, **hashes}


def _hash(key: str, path: str) -> str:
    try:
        return file_hash(expanded(key, path))
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


class FeatureMetric(KeepingMetric):
    """A metric of the features of images; subclasses define how features are scored (``of_features``).

    Keeps the features of the samples. Where any is not finite all scores are nan. Every such metric takes a ``dataset``
    of images, how many ``samples`` to generate, the ``split`` to compare with ("train" or "test"), and what names its
    network, see ``NetworkSettings``. ``node`` is its name in a config.
    """

    node: str
    fingerprint = staticmethod(by_content)

    def __init__(self, dataset: ImageData, samples: int, split: str, **network: Unpack[NetworkSettings]) -> None:
        if not has_images(dataset):
            raise misfit(self.node, dataset, "images")
        super().__init__(self.node, samples)
        self.split = self.one_of("split", split, SPLITS, "split")
        self.network = network_for(self.node, dataset, **network)
        self.keep()
        self.provenance |= self.network.provenance | {"split": split, "split_size": len(dataset.examples(split)[0])}

    def look(self, x: Tensor) -> Tensor:
        """Return the features of images ``[n, C, H, W]``."""
        return self.network(x)[0]

    def of_kept(self, kept: Tensor) -> dict[str, float]:
        """Return the scores; nan of a single sample, or where one is not finite."""
        features = kept.cpu()
        if len(features) < 2 or not bool(features.isfinite().all()):
            return self.unknown()
        return self.of_features(features)

    def of_features(self, features: Tensor) -> dict[str, float]:
        """Return the scores of features ``[N, d]`` float64 on the CPU."""
        raise TypeError(f"{type(self).__name__} does not say how it scores")

    def _reference(self, dataset: ImageData, most: int, seed: int) -> Tensor:
        """Return features of the data, noted in the provenance."""
        seed, most = self.whole("reference_seed", seed, 0), self.whole("reference_samples", most, 2)
        features = reference_features(dataset, self.network, self.split, most, seed)
        self.provenance |= {"reference_samples": len(features), "reference_seed": seed}
        return features
