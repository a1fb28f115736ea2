"""The images of a data set as bytes, a part at a time, whether all of them are in memory or not."""

from collections.abc import Iterator
from typing import Any, Protocol

from torch import Tensor

from steadygan.metrics.cache import content_hash
from steadygan.metrics.images import to_bytes


class Images(Protocol):
    """Interface to the images of a split; data sets with too many for one tensor return such an object.

    Attributes:
        content: a name of their bytes; the same name, the same bytes.
        shape: ``(N, C, H, W)``.
    """

    content: str
    shape: tuple[int, ...]

    def bytes(self, rows: Any) -> Tensor:
        """Uint8 ``[n, C, H, W]`` of a slice or of row numbers ``[n]``."""
        ...


class Held:
    """Those of a tensor."""

    def __init__(self, x: Tensor) -> None:
        self._images = to_bytes(x).cpu()
        self.content, self.shape = content_hash({"images": self._images}), tuple(x.shape)

    def bytes(self, rows: Any) -> Tensor:
        """See ``Images``."""
        return self._images[rows]


class Rows:
    """Images as a tensor of bytes that rows can be taken of, and nothing else."""

    def __init__(self, images: Images) -> None:
        self._images, self.shape = images, images.shape

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> Tensor:
        return self._images.bytes(rows)


def real_images(dataset: Any, split: str) -> Images:
    """Return the images of a split."""
    x = dataset.examples(split)[0]
    return x if callable(getattr(x, "bytes", None)) else Held(x)


def blocks(images: Images, size: int, rows: Tensor | None = None) -> Iterator[Tensor]:
    """Bytes of all images, or of the ``rows`` given, ``size`` at a time."""
    for start in range(0, images.shape[0] if rows is None else len(rows), size):
        here = slice(start, start + size)
        yield images.bytes(here if rows is None else rows[here])
