"""The pictures of a trained GAN: which there are, and what each needs of the data."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from steadygan.common.errors import UserError, bad_value
from steadygan.metrics.features.classifier import Classifier, classifier_for
from steadygan.metrics.fits import has_labelled_images, has_modes
from steadygan.metrics.modes import high_quality_counts
from steadygan.pictures import animation, bars, classes, field, grid, interpolation_plot, levels, neighbours, samples
from steadygan.pictures.samples import rows_of
from steadygan.runs import files

IMAGES, POINTS, MOST_POINTS = 64, 500, 100_000
PAIRS, IMAGE_STEPS, POINT_STEPS = 8, 9, 50
QUERIES, NEIGHBOURS = 8, 5
POOL, MOST_CLASSES = 500, 100
PART = 10_000
"""Real examples looked at together."""
MODES = {"samples": 2500, "radius": 3.0, "share": 0.25}
"""What the metric ``modes`` counts by, where the run has not measured it."""


class LeftOut(Exception):
    """A picture that the run or its data cannot give; says why."""


@dataclass(frozen=True)
class Subject:
    """The GAN that is shown, with a seed, a number of samples, and whether its generator is averaged."""

    trained: Any
    seed: int
    count: int | None
    ema: bool

    @property
    def dataset(self) -> Any:
        return self.trained.dataset

    @property
    def images(self) -> bool:
        return len(self.trained.shape) == 3

    @cached_property
    def samples(self) -> Tensor:
        """Those of the grid, or of the plane."""
        count = self.count or (IMAGES if self.images else POINTS)
        most = grid.most(self.trained.shape) if self.images else MOST_POINTS
        if count > most:
            raise bad_value("count", count, f"one picture holds at most {most} samples of this data")
        if self.rows:
            every = torch.arange(self.rows).repeat_interleave(self.columns)
            return self.draw(len(every), every) if self.count is None else self.draw(count, every[:count])
        return self.draw(count)

    def draw(self, count: int, label: Tensor | None = None) -> Tensor:
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
        return self.draw(count, torch.arange(count) % self.trained.classes)

    @cached_property
    def real(self) -> Tensor:
        """``[POINTS, d]``."""
        return self.dataset.batch(self.seed, "picture", 0, POINTS, device="cpu", dtype=self.trained.dtype)["x"]

    @cached_property
    def examples(self) -> tuple[Tensor, Tensor | None]:
        """All that the GAN was trained on, with labels where there are any."""
        _need(self.images and callable(getattr(self.dataset, "examples", None)), "needs a finite set of images")
        return self.dataset.examples(getattr(self.dataset, "split", "train"))

    @cached_property
    def classifier(self) -> Classifier:
        _need(has_labelled_images(self.dataset), "needs images with labels")
        return classifier_for(self.dataset)


def _need(met: bool, reason: str) -> None:
    if not met:
        raise LeftOut(reason)


def _grid(subject: Subject, path: Path) -> str:
    _need(subject.images, "needs images")
    grid.save(path, grid.grid(subject.samples, subject.columns))
    return f"{len(subject.samples)} samples" + (", a row for each class" if subject.rows else "")


def _samples(subject: Subject, path: Path) -> str:
    _need(len(subject.trained.shape) == 1 and subject.trained.shape[0] > 1, "needs points in the plane")
    samples.points(path, subject.real, subject.samples, subject.trained.critic)
    return f"{len(subject.samples)} samples and the critic's logits"


def _histogram(subject: Subject, path: Path) -> str:
    _need(subject.trained.shape == (1,), "needs points on the line")
    samples.points(path, subject.real, subject.samples, subject.trained.critic)
    return f"{len(subject.samples)} samples and the critic's logits"


def _field(subject: Subject, path: Path) -> str:
    _need(subject.trained.shape == (2,), "needs points in the plane")
    field.field(path, subject.real, subject.trained.critic)
    return "the critic's gradient"


def _modes(subject: Subject, path: Path) -> str:
    _need(not subject.images and has_modes(subject.dataset), "needs a mixture whose centres are known")
    settings = MODES | (subject.trained.config.get("metrics") or {}).get("modes", {})
    made = subject.draw(settings["samples"])
    distance = settings["radius"] * subject.dataset.sigma
    counts = high_quality_counts(made, subject.dataset.centers, distance)
    bars.bars(path, counts, len(made), settings["share"])
    return f"samples within {settings['radius']:g} sigmas of each mode, of {len(made)}"


def _noise_level(subject: Subject, path: Path) -> str:
    curves = levels.curves(files.read_rows(subject.trained.directory / files.METRICS))
    _need(bool(curves), "needs a rule that logs its noise_level: sgld_cc or ccadl")
    levels.levels(path, curves)
    return "the level of the gradient's noise over the run: " + ", ".join(
        f"{player} from {values[0]:.3g} to {values[-1]:.3g}" for player, (_, values) in curves.items()
    )


def _interpolation(between: str) -> Callable[[Subject, Path], str]:
    def draw(subject: Subject, path: Path) -> str:
        steps = IMAGE_STEPS if subject.images else POINT_STEPS
        made = subject.trained.interpolate(PAIRS, steps, subject.seed, between, subject.ema)
        if subject.images:
            grid.save(path, grid.grid(made.flatten(0, 1), steps))
        else:
            interpolation_plot.plot(path, subject.real, made)
        return f"{PAIRS} paths between latents"

    return draw


def _neighbours(view: Callable[[Subject, Tensor], Tensor]) -> Callable[[Subject, Path], str]:
    """``view`` is how images are looked at, ``[n, C, H, W]`` to ``[n, d]``."""

    def draw(subject: Subject, path: Path) -> str:
        examples, _ = subject.examples
        shown = subject.queries
        _need(bool(shown.isfinite().all()), "the samples are not finite")
        parts = (view(subject, part) for part in examples.split(PART))
        nearest = neighbours.nearest_of_parts(view(subject, shown), parts, NEIGHBOURS)
        grid.save(path, neighbours.sheet(shown, examples, nearest))
        return f"{len(shown)} samples (left), each with the {nearest.shape[1]} nearest training examples"

    return draw


def _classes(subject: Subject, path: Path) -> str:
    logits = subject.classifier(subject.draw(POOL))[1]
    (examples, labels), count = subject.examples, subject.dataset.num_classes
    _need(count <= MOST_CLASSES, f"one picture holds at most {MOST_CLASSES} classes, the data have {count}")
    _need(bool(logits.isfinite().all()), "the samples are not finite")
    rows = [(labels == label).nonzero().flatten().tolist()[:1] for label in range(count)]
    blank = torch.ones(subject.trained.shape)  # white, as where no sample is of a class
    real = torch.stack([examples[row[0]].cpu().float() if row else blank for row in rows])
    grid.save(path, classes.sheet(subject.draw(POOL), logits.argmax(1), real))
    bare = [str(label) for label, row in enumerate(rows) if not row]
    without = f", none of {', '.join(bare)}, of which the data have none" if bare else ""
    return f"a real example of each class (left{without}), and samples that a classifier takes for it, of {POOL}"


def _over_iterations(subject: Subject, path: Path) -> str:
    _need(subject.rows > 0, "needs images of a conditional GAN")
    frames = animation.readable(files.saved_pictures(subject.trained.directory))
    _need(bool(frames), "the run has saved no pictures that can be read")
    shown = animation.thin(frames, classes.MOST_MOMENTS)
    grid.save(path, classes.over_iterations(shown, subject.trained.shape))
    return f"one sample of each class at {len(shown)} times of the training"


def _animation(subject: Subject, path: Path) -> str:
    saved = files.saved_pictures(subject.trained.directory)
    frames = animation.readable(saved)
    _need(bool(frames), "the run has saved no pictures that can be read")
    shown = animation.thin(frames)
    animation.animate(path, shown)
    return f"{len(shown)} of {len(saved)} saved pictures"


PICTURES: dict[str, Callable[[Subject, Path], str]] = {
    "grid.png": _grid,
    "samples.png": _samples,
    "histogram.png": _histogram,
    "field.png": _field,
    "modes.png": _modes,
    "noise_level.png": _noise_level,
    "interpolation_linear.png": _interpolation("linear"),
    "interpolation_spherical.png": _interpolation("spherical"),
    "neighbours_pixels.png": _neighbours(lambda subject, images: images.flatten(1)),
    "neighbours_features.png": _neighbours(lambda subject, images: subject.classifier(images)[0]),
    "classes.png": _classes,
    "classes_over_iterations.png": _over_iterations,
    "animation.gif": _animation,
}
"""Each draws one file and returns what it shows."""


def write(subject: Subject, folder: Path) -> Iterator[str]:
    """Draw every picture that fits; one line each, the left out ones included.

    Raises:
        UserError: more samples than a picture holds, or the folder cannot be written.
    """
    _ = subject.samples  # more than a picture holds: said before anything is written
    for name, draw in PICTURES.items():
        path = folder / name
        try:
            yield f"{path}  {draw(subject, path)}"
        except (LeftOut, UserError) as reason:
            yield f"left out {name}: {str(reason).splitlines()[0]}"
        except OSError as error:
            raise UserError(f"{path}: cannot be written ({error.strerror or error})") from error
