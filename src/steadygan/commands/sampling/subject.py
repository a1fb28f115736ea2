"""What the pictures of a trained GAN show: its samples, and real examples."""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from steadygan.common.errors import bad_value
from steadygan.config.node import Built
from steadygan.metrics.features.classifier import Classifier, classifier_for
from steadygan.metrics.fits import has_labelled_images
from steadygan.pictures import grid
from steadygan.pictures.samples import rows_of
from steadygan.runs.loading import TrainedGAN

IMAGES, POINTS, MOST_POINTS = 64, 500, 100_000
QUERIES = 8


class LeftOut(Exception):
    """A picture that the run or its data cannot give; says why."""


def need(met: bool, reason: str) -> None:
    """Raise ``LeftOut`` for this reason unless a condition is met."""
    if not met:
        raise LeftOut(reason)


@dataclass(frozen=True)
class Subject:
    """The GAN that is shown, with a seed, a number of samples, and whether its generator is averaged."""

    trained: TrainedGAN
    seed: int
    count: int | None
    ema: bool

    @property
    def dataset(self) -> Built:
        """The data set; what it can beside its batches is asked for where it is needed."""
        return self.trained.dataset

    @property
    def images(self) -> bool:
        """Whether examples are images."""
        return len(self.trained.shape) == 3

    @cached_property
    def samples(self) -> Tensor:
        """Those of the grid, or of the plane."""
        count = self.count or (IMAGES if self.images else POINTS)
        most = grid.most(self.trained.shape) if self.images else MOST_POINTS
        if count > most:
            raise bad_value("count", count, f"one picture holds at most {most} samples of this data")
        if self.rows:
            every = torch.arange(self.rows).repeat_interleave(self.columns or 1)
            return self.draw(len(every), every) if self.count is None else self.draw(count, every[:count])
        return self.draw(count)

    def draw(self, count: int, label: Tensor | None = None) -> Tensor:
        """Return samples ``[count, *shape]``, of these classes if there are any."""
        return self.trained.sample(count, self.seed, self.ema, label)

    @property
    def rows(self) -> int:
        """Classes that have a row in the grid of a conditional GAN's images; 0 where there are none."""
        return rows_of(self.trained) if self.images else 0

    @property
    def columns(self) -> int | None:
        """Columns of the grid; None: as many as rows."""
        return math.ceil((self.count or IMAGES) / self.rows) if self.rows else None

    @cached_property
    def queries(self) -> Tensor:
        """Samples to look for in the data: the first of the grid, or one a class."""
        if not self.rows:
            return self.samples[:QUERIES]
        count = min(QUERIES, len(self.samples))
        return self.draw(count, torch.arange(count) % (self.trained.classes or 1))

    @cached_property
    def real(self) -> Tensor:
        """``[POINTS, d]``."""
        return self.dataset.batch(self.seed, "picture", 0, POINTS, device="cpu", dtype=self.trained.dtype)["x"]

    @cached_property
    def examples(self) -> tuple[Tensor, Tensor | None]:
        """All that the GAN was trained on, with labels where there are any."""
        need(self.images and callable(getattr(self.dataset, "examples", None)), "needs a finite set of images")
        return self.dataset.examples(getattr(self.dataset, "split", "train"))

    @cached_property
    def classifier(self) -> Classifier:
        """The classifier of the data."""
        need(has_labelled_images(self.dataset), "needs images with labels")
        return classifier_for(self.dataset)
