"""The interfaces of data sets, and the base class of endless ones."""

from abc import ABC, abstractmethod
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from steadygan.core.draws import generator as stream_generator
from steadygan.data.settings import whole_number

Batch = dict[str, Tensor]
"""``x [B, *shape]``; where there are classes or components, ``y [B]`` int64; of finite data ``index [B]``, the rows."""

Rows = slice | Tensor | np.ndarray
"""A slice, numbers ``[n]`` or truth values ``[N]``."""


class Dataset(Protocol):
    """Interface of the object that a config's ``dataset`` builds; a user's class needs nothing else.

    ``shape`` is that of one example: ``(2,)``, ``(1, 28, 28)``; images lie in [-1, 1]. ``num_data`` is the number of
    examples trained on; for endless data a stated number, what a Bayesian critic counts the data as. ``num_classes``
    are the classes or mixture components that ``y`` counts; None where there is no ``y``.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def num_data(self) -> int: ...

    @property
    def num_classes(self) -> int | None: ...

    def batch(
        self, seed: int, stream: str, index: int, batch_size: int, device: torch.device | str, dtype: torch.dtype
    ) -> Batch:
        """Return batch ``index`` of a stream: a pure function of its arguments, whatever was asked for before."""
        ...


class Distribution(Dataset, Protocol):
    """Data that can be drawn without end."""

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Tensor, Tensor | None]:
        """Return ``x [n, *shape]`` on the generator's device, and ``y [n]`` int64 or None."""
        ...


class Modes(Distribution, Protocol):
    """Equal isotropic Gaussians about ``centers [K, d]`` with standard deviation ``sigma``."""

    centers: Tensor
    sigma: float

    def log_density(self, x: Tensor) -> Tensor:
        """Return ``[n]`` of ``x [n, d]``, in nats."""
        ...


class Components(Distribution, Protocol):
    """Vectors that tell by themselves which component they are of."""

    def component(self, x: Tensor) -> Tensor:
        """Return the components ``[n]`` of ``x [n, *shape]``."""
        ...


class Images(Protocol):
    """The images of a split that are too many for one tensor of floats.

    Attributes:
        content: a name of their bytes; the same name, the same bytes.
        shape: ``(N, C, H, W)``.
    """

    content: str
    shape: tuple[int, ...]

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Rows) -> Tensor: ...

    def bytes(self, rows: Rows) -> Tensor:
        """Return uint8 ``[n, C, H, W]``."""
        ...


class ImageData(Dataset, Protocol):
    """Images in splits; ``split`` is the one that is trained on."""

    split: str

    def examples(self, split: str) -> tuple[Tensor | Images, Tensor | None]:
        """Return all images of a split in their fixed order, and their labels ``[N]``."""
        ...


class LabelledImages(ImageData, Protocol):
    """Images of several classes."""

    @property
    def num_classes(self) -> int: ...


class Endless(ABC):
    """Data drawn from a distribution: every batch is fresh. A subclass says ``shape`` and ``sample``."""

    shape: tuple[int, ...]
    num_classes: int | None = None

    def __init__(self, num_data: int) -> None:
        self.num_data = whole_number("num_data", num_data)

    @abstractmethod
    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Tensor, Tensor | None]:
        """Return ``x [n, *shape]`` on the generator's device and ``y [n]`` int64, or None without components."""

    def batch(
        self, seed: int, stream: str, index: int, batch_size: int, device: torch.device | str, dtype: torch.dtype
    ) -> Batch:
        """See ``Dataset.batch``; drawn on the device."""
        x, y = self.sample(batch_size, stream_generator(seed, stream, index, device), dtype)
        return {"x": x} if y is None else {"x": x, "y": y}
