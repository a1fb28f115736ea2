"""How well a discriminator that tells classes tells those of examples that it was not trained on."""

from collections.abc import Callable

import torch
import torchmetrics
from torch import Tensor

from steadygan.common.ranges import at_least
from steadygan.common.typed import whole_number
from steadygan.core.draws import generator
from steadygan.data.base import Dataset
from steadygan.metrics.base import Provenance
from steadygan.metrics.fits import has_labels, has_splits, has_vectors, misfit

CHUNK = 500


class Accuracy(torchmetrics.Metric):
    """``accuracy``: the share of test examples whose class has the discriminator's largest logit.

    Test examples are those of the split that is not trained on: all, or ``examples`` of them that a seed chooses, since
    files often are in the order of their classes; of endless data a fixed draw of as many.
    """

    full_state_update = False
    needs = ("classifier",)
    directions = {"accuracy": "max"}
    samples = 0
    """No generated ones."""
    right: Tensor
    seen: Tensor

    def __init__(self, dataset: Dataset, examples: int = 10_000, reference_seed: int = 0) -> None:
        if not has_labels(dataset):
            raise misfit("accuracy", dataset, "labelled examples")
        super().__init__()
        examples = whole_number("metrics.accuracy.examples", examples, at_least(1))
        seed = whole_number("metrics.accuracy.reference_seed", reference_seed, at_least(0))
        split, used, x, y = "fresh draws", seed, torch.empty(0), None
        if has_splits(dataset):
            split, used = "train" if dataset.split == "test" else "test", None
            x, y = dataset.examples(split)
            if y is not None and examples < len(y):
                used = seed
                rows = torch.randperm(len(y), generator=generator(seed, "metric/accuracy"))[:examples].sort().values
                x, y = x[rows], y[rows]
        elif has_vectors(dataset):
            x, y = dataset.sample(examples, generator(seed, "metric/accuracy"), torch.float64)
        if y is None:
            raise misfit("accuracy", dataset, "labelled examples")
        self.x, self.y = x, y
        self.provenance: Provenance = {"examples": len(x), "split": split, "reference_seed": used}
        self.add_state("right", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("seen", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    @torch.no_grad()
    def update(self, classify: Callable[[Tensor], Tensor]) -> None:
        """Count for a classifier, ``[n, *shape] -> logits [n, K]``."""
        for start in range(0, len(self.y), CHUNK):
            rows = slice(start, start + CHUNK)
            right = classify(self.x[rows]).argmax(1).to(self.y.device) == self.y[rows]
            self.right += right.sum().to(self.right.device)
            self.seen += len(right)

    def compute(self) -> dict[str, float]:
        """Return the share."""
        return {"accuracy": float(self.right / self.seen)}
