"""The pictures of a run, one after the other."""

from collections.abc import Sequence
from pathlib import Path
from typing import IO

from PIL import Image, ImageDraw

from steadygan.runs.files import write_atomically

MOST_FRAMES = 300
STRIP = 14
"""Pixels below each picture, for its iteration; GIF also leaves out frames that equal the one before."""
MILLISECONDS, LAST = 200, 2000


def readable(pictures: Sequence[tuple[int, Path]]) -> list[tuple[int, Path]]:
    """Return the pictures that can be read."""
    return [(iteration, path) for iteration, path in pictures if _whole(path)]


def _whole(path: Path) -> bool:
    try:
        with Image.open(path) as picture:
            picture.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False
    return True


def thin(pictures: Sequence[tuple[int, Path]], most: int = MOST_FRAMES) -> list[tuple[int, Path]]:
    """Return at most so many of them, evenly, the first and the last among them."""
    count = min(len(pictures), most)
    return [pictures[round(index * (len(pictures) - 1) / max(count - 1, 1))] for index in range(count)]


def animate(path: Path, pictures: Sequence[tuple[int, Path]]) -> None:
    """A GIF of one frame a picture, each with its iteration below; the last stays longer."""
    with Image.open(pictures[-1][1]) as last:
        size = last.size
    first, *rest = [frame(picture, iteration, size) for iteration, picture in pictures]
    durations = [MILLISECONDS] * len(rest) + [LAST]

    def write(file: IO[bytes]) -> None:
        first.save(file, format="gif", save_all=True, append_images=rest, duration=durations, loop=0)

    write_atomically(path, write)


def frame(picture: Path, iteration: int, size: tuple[int, int]) -> Image.Image:
    """Return the picture at that size, its iteration below it, in 256 colours of its own."""
    with Image.open(picture) as opened:
        shown = opened.convert("RGB")
    sheet = Image.new("RGB", (size[0], size[1] + STRIP), "white")
    sheet.paste(shown if shown.size == size else shown.resize(size), (0, 0))
    ImageDraw.Draw(sheet).text((3, size[1] + 1), f"iteration {iteration}", fill="black")
    return sheet.quantize(256, dither=Image.Dither.NONE)
