"""The images of a data set as bytes, a part at a time, whether all of them are in memory or not."""

from collections.abc import Iterator

from torch import Tensor

from steadygan.data.base import ImageData, Images, Rows
from steadygan.data.storage.frames import to_bytes
from steadygan.metrics.features.cache import content_hash


class TensorImages:
    """Images of a tensor in [-1, 1], as bytes."""

    def __init__(self, x: Tensor) -> None:
        self._images = to_bytes(x).cpu()
        self.content, self.shape = content_hash({"images": self._images}), tuple(x.shape)

    def bytes(self, rows: Rows) -> Tensor:
        """Return uint8 ``[n, C, H, W]``."""
        return self._images[rows]


def real_images(dataset: ImageData, split: str) -> Images | TensorImages:
    """Return the images of a split."""
    x = dataset.examples(split)[0]
    return TensorImages(x) if isinstance(x, Tensor) else x


def blocks(images: Images | TensorImages, size: int, rows: Tensor | None = None) -> Iterator[Tensor]:
    """Yield the bytes of all images, or of the ``rows`` given, ``size`` at a time."""
    for start in range(0, images.shape[0] if rows is None else len(rows), size):
        here = slice(start, start + size)
        yield images.bytes(here if rows is None else rows[here])
