"""From the bytes of a picture file to a small square of bytes: decoding, channels, crop, size."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from steadygan.data.sources.base import Payload

FILTERS = {name: Image.Resampling[name.upper()] for name in
           ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")}  # fmt: skip
"""PIL's; all but ``nearest`` widen with the shrinking, and so do not alias."""

CROPS = ("none", "square")
MODES = {1: "L", 3: "RGB"}
DEEPEST = 2**16 - 1
"""White of 16 bits."""


@dataclass(frozen=True)
class View:
    """How each image is cropped, resized and coloured.

    Attributes:
        size: the side of the result in pixels.
        crop: "square" is the largest centred square; a number the centred square of so many pixels, or the largest
            one of a smaller picture; "none" squeezes the whole picture.
        resize: one of ``FILTERS``.
        channels: 1 (grey, by ITU-R 601's weights) or 3.
    """

    size: int
    crop: str | int = "square"
    resize: str = "lanczos"
    channels: int = 3

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the result."""
        return self.channels, self.size, self.size

    def of(self, payload: Payload) -> np.ndarray:
        """Bytes ``[C, size, size]``.

        Raises:
            Exception: whatever a decoder makes of damaged bytes.
        """
        if isinstance(payload, Exception):
            raise payload
        picture = self._cropped(in_channels(opened(payload), self.channels))
        if picture.size != (self.size, self.size):
            picture = picture.resize((self.size, self.size), FILTERS[self.resize])
        pixels = np.asarray(picture)
        return pixels[None] if self.channels == 1 else pixels.transpose(2, 0, 1)

    def _cropped(self, picture: Image.Image) -> Image.Image:
        if self.crop == "none":
            return picture
        (width, height), side = picture.size, min(picture.size)
        if self.crop != "square":
            side = min(side, int(self.crop))
        left, top = (width - side) // 2, (height - side) // 2
        return picture.crop((left, top, left + side, top + side))


def opened(payload: bytes | np.ndarray) -> Image.Image:
    """Return the first frame, upright as its EXIF orientation says."""
    if isinstance(payload, np.ndarray):
        return Image.fromarray(payload[..., 0] if payload.shape[-1] == 1 else payload)
    picture = Image.open(io.BytesIO(payload))
    picture.load()
    return ImageOps.exif_transpose(picture)


def in_channels(picture: Image.Image, channels: int) -> Image.Image:
    """In grey or RGB; 16 bits are scaled to 8, what is transparent lies on white.

    Raises:
        ValueError: floating-point pixels, or whole numbers beyond 16 bits, whose range nobody knows.
    """
    mode = MODES[channels]
    if picture.mode == "F":
        raise ValueError("floating-point pixels, of no known range")
    if picture.mode.startswith("I"):  # PIL itself would clip at 255
        deep = np.asarray(picture).astype(np.int64)
        if deep.min() < 0 or deep.max() > DEEPEST:
            raise ValueError(f"pixels from {deep.min()} to {deep.max()}, beyond 16 bits and of no known range")
        return Image.fromarray(((deep + 128) // 257).astype(np.uint8)).convert(mode)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(ground, picture).convert(mode)
    return picture if picture.mode == mode else picture.convert(mode)
