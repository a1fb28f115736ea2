"""The picture that fits a data set."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from steadygan.core.draws import generator, normal_like
from steadygan.core.types import Critic
from steadygan.pictures import grid, plane

IMAGES, POINTS = 64, 500
ROWS, COLUMNS = 20, 10
STREAM = "picture"


class Data(Protocol):
    """What is asked of a data set."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        ...

    def batch(
        self, seed: int, stream: str, index: int, batch_size: int, device: torch.device, dtype: torch.dtype
    ) -> Mapping[str, Tensor]:
        """Return a batch by its draws, with examples ``x``."""
        ...


class GAN(Protocol):
    """What is asked of a GAN."""

    latent: int
    seed: int
    float_type: torch.dtype

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        ...

    def sample(self, latents: Tensor, *, label: Tensor | None = None) -> Tensor:
        """Return ``[n, *shape]`` for latents ``[n, latent]``, of a conditional GAN of the classes ``label [n]``."""
        ...

    def labels(self, count: int, stream: str) -> Tensor | None:
        """Return classes ``[count]`` as those of the data; None: it is not conditional."""
        ...

    def critic(self, x: Tensor) -> Tensor:
        """Return the logits ``[n]``."""
        ...


def picture(gan: GAN, dataset: Data, path: Path) -> None:
    """Draw samples of the averaged generator, as a grid of images or as points with the critic's contours.

    A conditional GAN has a row of images for each class, and a column for each latent. The latents are the same every
    time, so that a series of pictures shows one thing changing.
    """
    if of_images(dataset) and (rows := rows_of(gan)):
        grid.save(path, grid.grid(by_class(gan, rows), COLUMNS))
        return
    z = latents(gan, dataset)
    fake = gan.sample(z, label=gan.labels(len(z), STREAM)) if conditional(gan) else gan.sample(z)
    if of_images(dataset):
        grid.save(path, grid.grid(fake))
    else:
        points(path, real(gan, dataset), fake, lambda x: gan.critic(x.to(gan.device)).cpu())


def conditional(gan: object) -> bool:
    """Return whether a GAN is asked for classes."""
    return getattr(gan, "classes", None) is not None


def rows_of(gan: object) -> int:
    """Return how many classes have a row: all, or the first ROWS; 0 where the GAN is not conditional."""
    return min(getattr(gan, "classes", None) or 0, ROWS)


def by_class(gan: GAN, rows: int) -> Tensor:
    """Return ``[rows * COLUMNS, *shape]``: the same COLUMNS latents for each class, one class after the other."""
    source = generator(gan.seed, STREAM, 0, gan.device)
    z = normal_like(source, (COLUMNS, gan.latent), gan.float_type).repeat(rows, 1)
    return gan.sample(z, label=torch.arange(rows, device=z.device).repeat_interleave(COLUMNS))


def of_images(dataset: Data) -> bool:
    """Return whether a picture is a grid of images."""
    return len(dataset.shape) == 3


def latents(gan: GAN, dataset: Data) -> Tensor:
    """Return ``[n, latent]``: those of every picture of the run."""
    source = generator(gan.seed, STREAM, 0, gan.device)
    return normal_like(source, (IMAGES if of_images(dataset) else POINTS, gan.latent), gan.float_type)


def real(gan: GAN, dataset: Data) -> Tensor:
    """Return ``[POINTS, d]``: the examples in every picture of the run."""
    return dataset.batch(gan.seed, STREAM, 0, POINTS, device=gan.device, dtype=gan.float_type)["x"]


def grid_points(real: Tensor, dtype: torch.dtype) -> Tensor:
    """Return ``[m, d]``: where ``points`` wants logits, given its real points."""
    real = real.cpu()
    if real.shape[1] == 1:
        return plane.axis(real, dtype)
    rest = real[:, 2:].mean(0)
    at = plane.lattice(real, dtype)
    return torch.cat([at, rest.expand(len(at), -1)], 1)


@torch.no_grad()
def points(path: Path, real: Tensor, fake: Tensor, critic: Critic) -> None:
    """Points ``[n, d]`` on the line or in the plane, with the critic's logits.

    Of more than two coordinates the first two are shown, and the logits on the plane through the mean of the others.
    """
    real, fake = real.cpu(), fake.cpu()
    shown = plane.line if real.shape[1] == 1 else plane.plane
    shown(path, real, fake, critic(grid_points(real, fake.dtype)))
