"""Whether conditional samples are of the class that was asked for."""

import torch
from torch import Tensor

from steadygan.core.declare import positive
from steadygan.data.base import Dataset
from steadygan.metrics.base import SampleMetric
from steadygan.metrics.features.classifier import classifier_for
from steadygan.metrics.fits import has_component, has_labelled_images, has_modes, misfit
from steadygan.metrics.modes import nearest_mode


class ClassMatch(SampleMetric):
    """``class_match``: the share of samples that are of the class asked for, from 0 to 1.

    A mixture's sample is of the component nearest to it if it lies within ``radius`` sigmas of its centre, and of none
    elsewhere; a sample of other vectors is of the component that the data set's ``component`` names; an image is of the
    class that the small classifier says.
    """

    needs = ("samples", "labels")
    directions = {"class_match": "max"}
    matches: Tensor

    def __init__(self, dataset: Dataset, samples: int = 2500, radius: float = 3.0) -> None:
        if not (has_modes(dataset) or has_component(dataset) or has_labelled_images(dataset)):
            raise misfit("class_match", dataset, "components or labelled images")
        super().__init__("class_match", samples)
        self.dataset, self.radius = dataset, self.within("radius", radius, positive)
        if has_modes(dataset):
            self.provenance |= {"radius": self.radius}
        elif has_labelled_images(dataset):
            self.classifier = classifier_for(dataset)
            self.provenance |= self.classifier.provenance
        self.add_state("matches", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def take(self, x: Tensor) -> None:
        """Count the matches."""
        self.matches += (self._classes(x) == self.label.to(x.device)).sum().to(self.matches.device)

    def _classes(self, x: Tensor) -> Tensor:
        """Return ``[n]``; -1 where there is none."""
        if has_modes(self.dataset):
            mode, distance = nearest_mode(x, torch.as_tensor(self.dataset.centers))
            return torch.where(distance <= self.radius * self.dataset.sigma, mode, -1)
        if has_component(self.dataset):
            return self.dataset.component(x)
        logits = self.classifier(x)[1]
        return torch.where(logits.isfinite().all(1), logits.argmax(1), -1)

    def score(self) -> dict[str, float]:
        """Return the share."""
        return {"class_match": float(self.matches / self.seen)}
