"""A small convolutional classifier, trained the same way on every set of small labelled images.

Everything here is float32 on one CPU thread with a generator of its own: the same data give the same weights
whatever runs around it, and nothing around it notices.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from steadygan.data.base import Images
from steadygan.data.storage.frames import from_bytes
from steadygan.metrics.features.real import TensorImages

RECIPE: dict[str, Any] = {
    "version": 1,
    "widths": [32, 64],
    "features": 64,
    "passes": 2,  # over the data
    "least_steps": 400,
    "most_steps": 2000,
    "batch_size": 128,
    "lr": 4e-3,
    "rotation": 0.2,  # radians
    "scale": 0.15,
    "shift": 0.8,  # pixels
    "seed": 0,
}
"""All settings of the training; part of the name under which the weights are kept."""


class ConvNet(nn.Module):
    """Images ``[B, C, H, W]`` in [-1, 1] to features ``[B, 64]`` (after the last ReLU) and logits ``[B, K]``.

    Two convolutions for pictures of up to 28 pixels, three for 32; no normalisation.
    """

    def __init__(self, shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__()
        strides, widths = _strides(max(shape[1:])), RECIPE["widths"]
        channels, size = shape[0], shape[1:]
        layers: list[nn.Module] = []
        for stride, width in zip(strides, widths[:1] + widths[1:] * (len(strides) - 1)):
            layers += [nn.Conv2d(channels, width, 2 * stride + 1, stride, stride), nn.ReLU()]
            channels, size = width, [-(-length // stride) for length in size]
        layers += [nn.Flatten(), nn.Linear(channels * math.prod(size), RECIPE["features"]), nn.ReLU()]
        self.trunk = nn.Sequential(*layers)
        self.head = nn.Linear(RECIPE["features"], num_classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return features and logits."""
        features = self.trunk(x)
        return features, self.head(features)


def _strides(side: int) -> list[int]:
    """Return the strides: the first convolution keeps up to 8 pixels, the others halve them to 7 or fewer."""
    first = 1 if side <= 8 else 2
    return [first] + [2] * max(1, math.ceil(math.log2(side / first / 7)))


def build(shape: tuple[int, ...], num_classes: int, generator: torch.Generator | None = None) -> ConvNet:
    """Return the network in float32 on the CPU, with He's weights where a generator is given, else without values."""
    with torch.device("meta"):  # the layers' own initialisation would draw from the global generator
        network = ConvNet(shape, num_classes)
    network = network.to_empty(device="cpu").float()
    for weight in network.parameters() if generator is not None else ():
        if weight.ndim > 1:
            nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)
        else:
            nn.init.zeros_(weight)
    return network


def train(images: Images | TensorImages, labels: Tensor, num_classes: int) -> ConvNet:
    """Train a network on ``images [N, C, H, W]`` uint8: cross-entropy, Adam, a cosine, small random affine maps."""
    with _undisturbed():
        generator = torch.Generator().manual_seed(RECIPE["seed"])
        network = build(tuple(images.shape[1:]), num_classes, generator).to(memory_format=torch.channels_last)
        optimizer = torch.optim.Adam(network.parameters(), lr=RECIPE["lr"], fused=True)
        steps = _steps(images.shape[0])
        for step, chosen in enumerate(_batches(images.shape[0], steps, generator)):
            optimizer.param_groups[0]["lr"] = RECIPE["lr"] * (1 + math.cos(math.pi * step / steps)) / 2
            x = _augment(from_bytes(images.bytes(chosen)), generator).contiguous(memory_format=torch.channels_last)
            loss = F.cross_entropy(network(x)[1], labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network.eval().requires_grad_(False)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """One thread, gradients on, no autocast, whatever the caller has set; all as before afterwards."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode(False), torch.enable_grad(), torch.autocast("cpu", enabled=False):
            yield
    finally:
        torch.set_num_threads(threads)


def _steps(count: int) -> int:
    """Return the number of steps for ``count`` examples."""
    passes = RECIPE["passes"] * count // RECIPE["batch_size"]
    return min(max(passes, RECIPE["least_steps"]), RECIPE["most_steps"])


def _batches(count: int, steps: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Yield indices ``[B]`` for each step: one shuffled pass after the other."""
    left = torch.empty(0, dtype=torch.int64)
    for _ in range(steps):
        while len(left) < RECIPE["batch_size"]:
            left = torch.cat([left, torch.randperm(count, generator=generator)])
        chosen, left = left.split([RECIPE["batch_size"], len(left) - RECIPE["batch_size"]])
        yield chosen


def _augment(x: Tensor, generator: torch.Generator) -> Tensor:
    """Return each image slightly rotated, scaled and shifted; what comes in from outside is the darkest value, -1."""
    angle, scale, right, down = 2 * torch.rand(4, len(x), generator=generator, dtype=x.dtype) - 1
    angle, scale = RECIPE["rotation"] * angle, 1 + RECIPE["scale"] * scale
    cos, sin = scale * angle.cos(), scale * angle.sin()
    across, along = (2 * RECIPE["shift"] / length for length in (x.shape[3], x.shape[2]))  # the grid spans -1 to 1
    rows = [cos, -sin, across * right, sin, cos, along * down]
    grid = F.affine_grid(torch.stack(rows, 1).view(-1, 2, 3), list(x.shape), align_corners=False)
    return F.grid_sample(x + 1, grid, align_corners=False) - 1
