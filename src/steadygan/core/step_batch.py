"""All data and random draws of one player's update."""

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

from torch import Tensor
from torch.utils._pytree import tree_map

from steadygan.core.types import Tensors

T = TypeVar("T")

PER_EXAMPLE = ("latent", "real", "noise_real", "noise_fake", "penalty", "label", "target", "target_weight", "smoothing")
"""The fields of a ``StepBatch`` that hold a row for each example; the others are shared by the whole batch."""


class StepBatch(NamedTuple):
    """Hold all data and random draws of one player's update.

    ``label`` holds the class of each real sample; the fakes of the batch are made for the same classes, so that real,
    fake and what lies between them share them place by place. ``target`` holds the class of each real sample for a
    discriminator that tells classes, and ``target_weight`` how much each counts in the mean over the batch.
    ``smoothing`` is what the loss has drawn. ``due`` says which penalties are due, and how often each counts; None:
    all, once.
    """

    latent: Tensor
    real: Tensor | None
    noise_real: tuple[Tensor | None, ...] = (None,)
    noise_fake: tuple[Tensor | None, ...] = (None,)
    penalty: Mapping[str, Tensor | None] = {}
    rule: Tensors | None = None
    label: Tensor | None = None
    target: Tensor | None = None
    target_weight: Tensor | None = None
    aggregation: Tensor | None = None
    smoothing: Tensor | None = None
    due: Mapping[str, int] | None = None

    @property
    def condition(self) -> tuple[Tensor, ...]:
        """The class labels that networks take beside their input; empty without labels."""
        return () if self.label is None else (self.label,)

    def repeated(self, times: int) -> "StepBatch":
        """Repeat all that belongs to an example ``times`` times, one batch behind the other."""
        return self._replace(**{part: repeated(getattr(self, part), times) for part in PER_EXAMPLE})

    def times(self, penalty: str) -> int:
        """Return how often a penalty counts."""
        return 1 if self.due is None else self.due.get(penalty, 0)


Batches = Mapping[str, tuple[StepBatch, ...]]
"""The batches of an iteration, by player: one for each of its updates."""


def repeated(tree: T, times: int) -> T:
    """Repeat each tensor ``[B, ...]`` of a tree ``times`` times along its first dimension."""
    if times == 1:
        return tree
    return tree_map(lambda leaf: leaf.repeat(times, *[1] * (leaf.ndim - 1)) if isinstance(leaf, Tensor) else leaf, tree)
