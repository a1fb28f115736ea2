"""The two networks of a run: built from a seed, and as functions."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from steadygan.core.draws import stream_seed
from steadygan.core.types import Apply, Tensors
from steadygan.engines.functional import functional
from steadygan.engines.step import PLAYERS


def build_networks(builders: Mapping[str, Callable[..., nn.Module]], shape: tuple[int, ...], seed: int, dtype):
    """Both players' modules; the weights are a function of the seed alone, and the global generator is untouched."""
    networks = {}
    for player in PLAYERS:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream_seed(seed, f"init/{player}"))
            networks[player] = builders[player](shape=shape).to(dtype)
    return networks


def as_functions(networks: Mapping[str, nn.Module], bf16: bool) -> dict[str, Any]:
    """The functions that an objective calls, under bf16 autocast but for the penalties' critic."""
    full = {player: functional(network) for player, network in networks.items()}
    if not bf16:
        return full
    return {**{player: _autocast(apply) for player, apply in full.items()}, "penalised": full["discriminator"]}


def _autocast(apply: Apply) -> Apply:
    @functools.wraps(apply)
    def cast(params: Tensors, buffers: Tensors, *inputs: torch.Tensor):
        with torch.autocast(inputs[0].device.type, dtype=torch.bfloat16):
            output, new_buffers = apply(params, buffers, *inputs)
        return output.float(), {name: value.float() for name, value in new_buffers.items()}

    return cast
