"""Whether conditional samples are of the class that was asked for."""

from typing import Any

import torch
from torch import Tensor

from steadygan.core.declare import positive
from steadygan.metrics.classifier import classifier_for
from steadygan.metrics.fits import has_components, has_labelled_images, has_modes, misfit
from steadygan.metrics.modes import nearest_mode
from steadygan.metrics.shell import SampleMetric, within


class ClassMatch(SampleMetric):
    """``class_match``: the share of samples that are of the class asked for, from 0 to 1.

    A mixture's sample is of the component nearest to it if it lies within ``radius`` sigmas of its centre, and of none
    elsewhere; a sample of other vectors is of the component that the data set's ``component`` names; an image is of the
    class that the small classifier says.

    Args:
        dataset: with components or classes.
        samples: generated samples, with the class frequencies of the data.
        radius: of a mode, in sigmas.

    Raises:
        UserError: the data set has no classes that can be told, or a setting is out of its range.
    """

    needs = ("samples", "labels")
    directions = {"class_match": "max"}

    def __init__(self, dataset: Any, samples: int = 2500, radius: float = 3.0) -> None:
        if not (has_components(dataset) or has_labelled_images(dataset)):
            raise misfit("class_match", dataset, "components or labelled images")
        super().__init__("class_match", samples)
        self.dataset, self.radius = dataset, within("metrics.class_match.radius", radius, positive)
        self.classifier = None
        if has_modes(dataset):
            self.provenance |= {"radius": self.radius}
        elif has_labelled_images(dataset):
            self.classifier = classifier_for(dataset)
            self.provenance |= self.classifier.provenance
        self.add_state("matches", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, x: Tensor, label: Tensor) -> None:
        """Take samples ``[n, *shape]`` and the classes ``[n]`` that they were asked to be of."""
        self.label = label[: max(self.samples - int(self.seen), 0)]
        super().update(x)

    def take(self, x: Tensor) -> None:
        """Count the matches."""
        self.matches += (self._classes(x) == self.label.to(x.device)).sum().to(self.matches.device)

    def _classes(self, x: Tensor) -> Tensor:
        """Return ``[n]``; -1 where there is none."""
        if has_modes(self.dataset):
            mode, distance = nearest_mode(x, torch.as_tensor(self.dataset.centers))
            return torch.where(distance <= self.radius * self.dataset.sigma, mode, -1)
        if self.classifier is None:
            return self.dataset.component(x)
        logits = self.classifier(x)[1]
        return torch.where(logits.isfinite().all(1), logits.argmax(1), -1)

    def score(self) -> dict[str, float]:
        """Return the share."""
        return {"class_match": float(self.matches / self.seen)}
