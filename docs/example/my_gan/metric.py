"""A metric of one's own: how far the mean of the samples is from that of the data."""

import torch
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from steadygan.metrics.base import SampleMetric


class MeanDistance(SampleMetric):
    """``mean_distance``: of as many samples as ``samples`` says, and as many examples."""

    directions = {"mean_distance": "min"}  # of each score: which way is better

    def __init__(self, dataset, samples: int = 1000):
        super().__init__("mean_distance", samples)
        batch = dataset.batch(0, "metric/mean_distance", 0, self.samples, device="cpu", dtype=torch.float64)
        self.register_buffer("mean", batch["x"].mean(0))
        self.add_state("kept", [], dist_reduce_fx="cat")
        self.provenance |= {"reference_seed": 0}  # all that the score depends on beside the samples

    def take(self, x: Tensor) -> None:
        self.kept.append(x.double())

    def score(self) -> dict[str, float]:
        return {"mean_distance": float((dim_zero_cat(self.kept).mean(0) - self.mean).norm())}
