"""The picture that fits a data set."""

from pathlib import Path
from typing import Any

import torch

from steadygan.core.draws import generator, normal_like
from steadygan.pictures import grid, plane

IMAGES, POINTS = 64, 500


def picture(gan: Any, dataset: Any, path: Path) -> None:
    """Samples of the averaged generator: a grid of images, or points with the discriminator's contours.

    The latents are the same every time, so that a series of pictures shows one thing changing. Data of more than two
    dimensions is shown in its first two.

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
    with torch.no_grad():
        draw = plane.line if dataset.shape[0] == 1 else plane.plane
        draw(path, real, fake, lambda x: gan.critic(x.to(gan.device)).cpu())
