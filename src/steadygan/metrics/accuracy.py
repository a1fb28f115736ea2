"""How well a discriminator that tells classes tells those of examples that it was not trained on."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from steadygan.core.draws import generator
from steadygan.metrics.fits import has_labels, misfit
from steadygan.metrics.shell import whole_number

CHUNK = 500


class Accuracy(Metric):
    """``accuracy``: the share of test examples whose class has the discriminator's largest logit.

    Test examples are those of the split that is not trained on: all, or ``examples`` of them that a seed chooses, since
    files often are in the order of their classes; of endless data a fixed draw of as many.

    Args:
        dataset: with labels.
        examples: at most so many.
        reference_seed: of that choice or draw.

    Raises:
        UserError: the data set has no labels, or a setting is out of its range.
    """

    full_state_update = False
    needs = ("classifier",)
    directions = {"accuracy": "max"}
    samples = 0
    """No generated ones."""

    def __init__(self, dataset: Any, examples: int = 10_000, reference_seed: int = 0) -> None:
        if not has_labels(dataset):
            raise misfit("accuracy", dataset, "labelled examples")
        super().__init__()
        examples = whole_number("metrics.accuracy.examples", examples, 1)
        seed = whole_number("metrics.accuracy.reference_seed", reference_seed, 0)
        if callable(getattr(dataset, "examples", None)):
            split, used = "train" if dataset.split == "test" else "test", None
            x, y = dataset.examples(split)
            if examples < len(y):
                used = seed
                rows = torch.randperm(len(y), generator=generator(seed, "metric/accuracy"))[:examples].sort().values
                x, y = x[rows], y[rows]
        else:
            split = "fresh draws"
            used = seed
            x, y = dataset.sample(examples, generator(seed, "metric/accuracy"), torch.float64)
        self.x, self.y = x, y
        self.provenance = {"examples": len(x), "split": split, "reference_seed": used}
        self.add_state("right", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("seen", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    @torch.no_grad()
    def update(self, classify: Callable[[Tensor], Tensor]) -> None:
        """Count for a classifier, ``[n, *shape] -> logits [n, K]``."""
        for x, y in zip(self.x.split(CHUNK), self.y.split(CHUNK)):
            right = classify(x).argmax(1).to(y.device) == y
            self.right += right.sum().to(self.right.device)
            self.seen += len(y)

    def compute(self) -> dict[str, float]:
        """Return the share."""
        return {"accuracy": float(self.right / self.seen)}
