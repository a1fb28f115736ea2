"""How much memory a member of a population takes, estimated before anything is trained."""

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from steadygan.engines.parts import DTYPES, Parts

STATES = 14
"""Copies of both networks: weights, two moments and an average, their gradients, and all of it once more in the new
state."""

PASSES = 10
"""Copies of all layers' outputs for one batch: real and fake, forward, backward, and both again for a penalty."""


def member_bytes(parts: Parts, batch_size: int, precision: str) -> int:
    """An estimate from above of what one more member takes, in bytes."""
    dtype = DTYPES[precision]
    weights = sum(value.numel() for network in parts.networks.values() for value in network.parameters())
    outputs = batch_size * parts.wants.copies * layer_outputs(parts.networks, dtype)
    return (STATES * weights + PASSES * outputs) * dtype.itemsize


@torch.no_grad()
def layer_outputs(networks: Mapping[str, nn.Module], dtype: torch.dtype) -> int:
    """Numbers that all layers of both players put out for one example."""
    counted = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal counted
        counted += output.numel() // 2

    layers = [layer for network in networks.values() for layer in network.modules() if not list(layer.children())]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    modes = {player: network.training for player, network in networks.items()}
    try:
        # Two examples, in evaluation mode: batch normalisation leaves its statistics alone.
        generator, discriminator = (networks[player].eval() for player in ("generator", "discriminator"))
        discriminator(generator(torch.zeros(2, generator.latent, dtype=dtype)))
    finally:
        for hook in hooks:
            hook.remove()
        for player, network in networks.items():
            network.train(modes[player])
    return counted


def free_bytes(gpu: bool) -> int:
    """What could be allocated now."""
    if gpu:
        return torch.cuda.mem_get_info()[0]
    try:
        lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
