"""The pictures of a trained GAN: which there are, and what each needs of the data."""

from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from steadygan.commands.sampling.subject import LeftOut, Subject, need
from steadygan.common.errors import UserError, first_line
from steadygan.metrics.fits import has_modes
from steadygan.metrics.modes import high_quality_counts
from steadygan.pictures import animation, bars, classes, field, grid, interpolation_plot, levels, neighbours, samples
from steadygan.runs import files

PAIRS, IMAGE_STEPS, POINT_STEPS = 8, 9, 50
NEIGHBOURS = 5
POOL, MOST_CLASSES = 500, 100
PART = 10_000
"""Real examples looked at together."""
MODES = {"samples": 2500, "radius": 3.0, "share": 0.25}
"""What the metric ``modes`` counts by, where the run has not measured it."""

Draw = Callable[[Subject, Path], str]
"""Draws one file and returns what it shows."""


def _grid(subject: Subject, path: Path) -> str:
    need(subject.images, "needs images")
    grid.save(path, grid.grid(subject.samples, subject.columns))
    return f"{len(subject.samples)} samples" + (", a row for each class" if subject.rows else "")


def _samples(fits: Callable[[tuple[int, ...]], bool], needs: str) -> Draw:
    def draw(subject: Subject, path: Path) -> str:
        need(fits(subject.trained.shape), needs)
        samples.points(path, subject.real, subject.samples, subject.trained.critic)
        return f"{len(subject.samples)} samples and the critic's logits"

    return draw


def _field(subject: Subject, path: Path) -> str:
    need(subject.trained.shape == (2,), "needs points in the plane")
    field.field(path, subject.real, subject.trained.critic)
    return "the critic's gradient"


def _modes(subject: Subject, path: Path) -> str:
    need(not subject.images and has_modes(subject.dataset), "needs a mixture whose centres are known")
    settings = MODES | (subject.trained.config.get("metrics") or {}).get("modes", {})
    made = subject.draw(settings["samples"])
    distance = settings["radius"] * subject.dataset.sigma
    counts = high_quality_counts(made, subject.dataset.centers, distance)
    bars.bars(path, counts, len(made), settings["share"])
    return f"samples within {settings['radius']:g} sigmas of each mode, of {len(made)}"


def _noise_level(subject: Subject, path: Path) -> str:
    curves = levels.curves(files.read_rows(subject.trained.directory / files.METRICS))
    need(bool(curves), "needs a rule that logs its noise_level: sgld_cc or ccadl")
    levels.levels(path, curves)
    return "the level of the gradient's noise over the run: " + ", ".join(
        f"{player} from {values[0]:.3g} to {values[-1]:.3g}" for player, (_, values) in curves.items()
    )


def _interpolation(between: str) -> Draw:
    def draw(subject: Subject, path: Path) -> str:
        steps = IMAGE_STEPS if subject.images else POINT_STEPS
        made = subject.trained.interpolate(PAIRS, steps, subject.seed, between, subject.ema)
        if subject.images:
            grid.save(path, grid.grid(made.flatten(0, 1), steps))
        else:
            interpolation_plot.plot(path, subject.real, made)
        return f"{PAIRS} paths between latents"

    return draw


def _neighbours(view: Callable[[Subject, Tensor], Tensor]) -> Draw:
    """``view`` is how images are looked at, ``[n, C, H, W]`` to ``[n, d]``."""

    def draw(subject: Subject, path: Path) -> str:
        examples, _ = subject.examples
        shown = subject.queries
        need(bool(shown.isfinite().all()), "the samples are not finite")
        parts = (view(subject, part) for part in examples.split(PART))
        nearest = neighbours.nearest_of_parts(view(subject, shown), parts, NEIGHBOURS)
        grid.save(path, neighbours.sheet(shown, examples, nearest))
        return f"{len(shown)} samples (left), each with the {nearest.shape[1]} nearest training examples"

    return draw


def _classes(subject: Subject, path: Path) -> str:
    logits = subject.classifier(subject.draw(POOL))[1]
    (examples, labels), count = subject.examples, subject.dataset.num_classes
    need(count <= MOST_CLASSES, f"one picture holds at most {MOST_CLASSES} classes, the data have {count}")
    need(bool(logits.isfinite().all()), "the samples are not finite")
    rows = [(labels == label).nonzero().flatten().tolist()[:1] for label in range(count)]
    blank = torch.ones(subject.trained.shape)  # white, as where no sample is of a class
    real = torch.stack([examples[row[0]].cpu().float() if row else blank for row in rows])
    grid.save(path, classes.sheet(subject.draw(POOL), logits.argmax(1), real))
    bare = [str(label) for label, row in enumerate(rows) if not row]
    without = f", none of {', '.join(bare)}, of which the data have none" if bare else ""
    return f"a real example of each class (left{without}), and samples that a classifier takes for it, of {POOL}"


def _over_iterations(subject: Subject, path: Path) -> str:
    need(subject.rows > 0, "needs images of a conditional GAN")
    shown = animation.thin(_frames(subject), classes.MOST_MOMENTS)
    grid.save(path, classes.over_iterations(shown, subject.trained.shape))
    return f"one sample of each class at {len(shown)} times of the training"


def _animation(subject: Subject, path: Path) -> str:
    shown = animation.thin(_frames(subject))
    animation.animate(path, shown)
    return f"{len(shown)} of {len(_saved(subject))} saved pictures"


def _saved(subject: Subject) -> list[tuple[int, Path]]:
    return files.saved_pictures(subject.trained.directory)


def _frames(subject: Subject) -> list[tuple[int, Path]]:
    frames = animation.readable(_saved(subject))
    need(bool(frames), "the run has saved no pictures that can be read")
    return frames


PICTURES: dict[str, Draw] = {
    "grid.png": _grid,
    "samples.png": _samples(lambda shape: len(shape) == 1 and shape[0] > 1, "needs points in the plane"),
    "histogram.png": _samples(lambda shape: shape == (1,), "needs points on the line"),
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


def write(subject: Subject, folder: Path) -> Iterator[str]:
    """Draw every picture that fits; one line each, the left out ones included."""
    _ = subject.samples  # more than a picture holds: said before anything is written
    for name, draw in PICTURES.items():
        path = folder / name
        try:
            yield f"{path}  {draw(subject, path)}"
        except (LeftOut, UserError) as reason:
            yield f"left out {name}: {first_line(reason)}"
        except OSError as error:
            raise UserError(f"{path}: cannot be written ({error.strerror or error})") from error
