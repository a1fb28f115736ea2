"""Pictures of samples, small enough to travel inside the page."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from steadygan.report.collect import Run, thin
from steadygan.report.groups import Group
from steadygan.report.statistics import outcome
from steadygan.runs import files

MOST_PICTURES = 40
# Bytes of all embedded PNGs together, before base64 adds a third.
BUDGET = 1_800_000
_WIDEST = 640
_SMALLEST = 64


@dataclass(frozen=True)
class Frame:
    """One picture: the iteration it was taken at, and a data URI."""

    iteration: int
    uri: str
    width: int
    height: int


@dataclass(frozen=True)
class Gallery:
    """The pictures of the seed that stands for its method, in order of iterations, at least one."""

    group: Group
    run: Run
    frames: tuple[Frame, ...]


def galleries(groups: Sequence[Group], metric: str | None, direction: str) -> list[Gallery]:
    """For each of the first MOST_PICTURES groups the seed with the median final; frames share what room there is."""
    chosen = [(group, *selected) for group in groups if (selected := _chosen(group, metric, direction))][:MOST_PICTURES]
    if not chosen:
        return []
    each = max(1, MOST_PICTURES // len(chosen))
    picked = [(group, run, _spread(pictures, each)) for group, run, pictures in chosen]
    budget = BUDGET // sum(len(pictures) for _, _, pictures in picked)
    selected = []
    for group, run, pictures in picked:
        frames = tuple(frame for item in pictures if (frame := embed(*item, budget)))
        if frames:
            selected.append(Gallery(group, run, frames))
    return selected


def _chosen(group: Group, metric: str | None, direction: str) -> tuple[Run, list[tuple[int, Path]]] | None:
    """Return the run nearest to the median rank (the better one of two) among those with pictures."""
    sign = -1 if direction == "max" else 1
    costs = [(sign * outcome(run, metric, direction), run) for run in group.runs] if metric else []
    ordered = [run for cost, run in sorted(costs, key=lambda item: item[0]) if not np.isnan(cost)]
    middle = (len(ordered) - 1) // 2
    ordered = sorted(ordered, key=lambda run: abs(ordered.index(run) - middle))
    ordered += [run for run in group.runs if run not in ordered]
    for run in ordered:
        pictures = files.saved_pictures(run.path)
        if pictures:
            return run, pictures
    return None


def _spread(pictures: list[tuple[int, Path]], count: int) -> list[tuple[int, Path]]:
    if count == 1:
        return pictures[-1:]
    return [pictures[index] for index in thin(len(pictures), count)]


def embed(iteration: int, path: Path, budget: int) -> Frame | None:
    """Return the picture as a PNG of at most ``budget`` bytes (down to a least size); None: it cannot be read."""
    try:
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    picture.thumbnail((_WIDEST, _WIDEST), Image.Resampling.LANCZOS)
    data = _png(picture)
    while len(data) > budget and min(picture.size) > _SMALLEST:
        # An eighth of the pixels less than the bytes ask for, so that one round mostly does.
        scale = min(0.95, (0.88 * budget / len(data)) ** 0.5)
        scale = max(scale, _SMALLEST / min(picture.size))
        width, height = (max(1, round(side * scale)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
        data = _png(picture)
    uri = "data:image/png;base64," + base64.b64encode(data).decode("ascii")
    return Frame(iteration, uri, *picture.size)


def _png(picture: Image.Image) -> bytes:
    """With 256 colours, which halves a picture and hardly shows."""
    buffer = io.BytesIO()
    picture.quantize(256, method=Image.Quantize.FASTOCTREE).save(buffer, "PNG")
    return buffer.getvalue()
