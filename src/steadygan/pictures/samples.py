"""The picture that fits a data set."""

from pathlib import Path
from typing import Any

import torch

from steadygan.core.draws import generator, normal_like
from steadygan.core.types import Critic
from steadygan.pictures import grid, plane

IMAGES, POINTS = 64, 500


def picture(gan: Any, dataset: Any, path: Path) -> None:
    """Samples of the averaged generator: a grid of images, or points with the discriminator's contours.

    The latents are the same every time, so that a series of pictures shows one thing changing.

    Args:
        gan: offers ``sample(latents)``, ``critic(x)``, ``latent``, ``seed``, ``device`` and ``float_type``.
        dataset: what it is trained on.
        path: the PNG to write.
    """
    images = len(dataset.shape) == 3
    source = generator(gan.seed, "picture", 0, gan.device)
    fake = gan.sample(normal_like(source, (IMAGES if images else POINTS, gan.latent), gan.float_type))
    if images:
        grid.save(path, grid.grid(fake))
        return
    real = dataset.batch(gan.seed, "picture", 0, POINTS, device=gan.device, dtype=gan.float_type)["x"]
    points(path, real, fake, lambda x: gan.critic(x.to(gan.device)).cpu())


@torch.no_grad()
def points(path: Path, real: torch.Tensor, fake: torch.Tensor, critic: Critic) -> None:
    """Points ``[n, d]`` on the line or in the plane, with the critic's logits.

    Of more than two coordinates the first two are shown, and the logits on the plane through the mean of the others.
    """
    if real.shape[1] == 1:
        plane.line(path, real, fake, critic)
        return
    rest = real[:, 2:].mean(0).cpu()
    plane.plane(path, real, fake, lambda x: critic(torch.cat([x, rest.expand(len(x), -1)], 1)))
