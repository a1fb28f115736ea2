"""The Frechet distance of features, on the data set's own small classifier or on Inception.

Reference: Heusel et al. (2017), arXiv:1706.08500.
"""

from pathlib import Path
from typing import Unpack

import torch
from torch import Tensor

from steadygan.common.paths import expanded
from steadygan.data.base import ImageData
from steadygan.metrics.features.cache import content_hash
from steadygan.metrics.features.metric import FeatureMetric, NetworkSettings, say_once, singular
from steadygan.metrics.features.references import gaussian, reference_statistics
from steadygan.metrics.features.statistics import ORIGIN, check_origin, load, origin
from steadygan.metrics.frechet import Reference


class FID(FeatureMetric):
    """``fid`` between samples and a split of the data.

    The covariance is summed up while the samples come; of at most as many samples as there are features, the features
    themselves are kept, from which the distance is found faster.
    """

    directions = {"fid": "min"}
    node = "fid"
    against = "train"
    total: Tensor
    outer: Tensor

    def __init__(
        self,
        dataset: ImageData,
        samples: int = 2000,
        split: str | None = None,
        statistics: str | None = None,
        **network: Unpack[NetworkSettings],
    ) -> None:
        super().__init__(dataset, samples, split or self.against, **network)
        if statistics is None:
            self.statistics, self.reference = reference_statistics(dataset, self.network, self.split)
            self.origin = {key: self.network.provenance[key] for key in ORIGIN if key in self.network.provenance}
        else:
            self._read(expanded("statistics", statistics))
        singular(self.node, self.samples, self.network.num_features)

    def _read(self, path: Path) -> None:
        """Compare with the statistics of a file."""
        self.statistics = load(path, self.network.num_features)
        self.origin = origin(path)
        check_origin(path, self.origin, self.network.provenance, self.node)
        if "resize" in self.network.provenance and "resize" not in self.origin:
            say_once(
                f"{path}: does not say how its images were resized, and resize={self.network.provenance['resize']} is "
                f"used for the samples: files of pytorch-fid want metrics.{self.node}.resize=pytorch-fid, those of "
                f"clean-fid resize=clean, those of TensorFlow resize=torch-fidelity"
            )
        self.reference = Reference.of(self.statistics.mean, self.statistics.cov)
        self.provenance |= {"split": None, "split_size": self.statistics.number or None}
        self.provenance["statistics"] = content_hash({"mu": self.statistics.mean, "sigma": self.statistics.cov})[:16]
        self.provenance["statistics_resize"] = self.origin.get("resize", "not said")

    def keep(self) -> None:
        """Declare sums, or all features where they are few."""
        size = self.network.num_features
        if self.samples <= size:
            super().keep()
        else:
            self.add_state("total", torch.zeros(size, dtype=torch.float64), dist_reduce_fx="sum")
            self.add_state("outer", torch.zeros(size, size, dtype=torch.float64), dist_reduce_fx="sum")

    def take(self, x: Tensor) -> None:
        """Add the features of images ``[n, C, H, W]`` to the sums."""
        if hasattr(self, "kept"):
            return super().take(x)
        features = self.look(x).to(self.total.device)
        self.total += features.sum(0)
        self.outer += features.mT @ features
        return None

    def score(self) -> dict[str, float]:
        """Return the distance; nan of a single sample."""
        if int(self.seen) < self.samples:
            singular(self.node, int(self.seen), self.network.num_features)
        if hasattr(self, "kept"):
            return super().score()
        mean, cov = gaussian(self.seen, self.total, self.outer)
        return dict.fromkeys(self.directions, float(self.reference.distance(mean.cpu(), cov.cpu())))

    def of_features(self, features: Tensor) -> dict[str, float]:
        """Return the distance, of few samples."""
        return dict.fromkeys(self.directions, float(self.reference.distance_of_samples(features)))


class TestFID(FID):
    """``fid_test``: to the test split, beside ``fid`` to the train split; a gap between them is memorisation."""

    __test__ = False  # no test, whatever pytest takes the name for
    directions = {"fid_test": "min"}
    node = "fid_test"
    against = "test"
