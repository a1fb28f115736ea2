"""The two networks of a run: built from a seed, and as functions."""

import functools
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from steadygan.config.node import PLAYERS
from steadygan.core.draws import stream_seed
from steadygan.core.types import Apply, Number, Tensors
from steadygan.networks.ensemble import Ensemble
from steadygan.training.functional import functional


def build_networks(
    builders: Mapping[str, Callable[..., nn.Module]],
    shape: tuple[int, ...],
    seed: int,
    dtype: torch.dtype,
    stacked: int | None = None,
) -> dict[str, nn.Module]:
    """Build both players' modules; the weights are a function of the seed alone, the global generator is untouched.

    With ``stacked`` the discriminator is an ``Ensemble`` of so many, each with weights of its own; the first is the one
    that there is without.
    """
    networks = {player: _network(builders[player], shape, seed, f"init/{player}") for player in PLAYERS}
    if stacked is not None:
        streams = [f"init/discriminator/{member}" for member in range(1, stacked)]
        more = [_network(builders["discriminator"], shape, seed, stream) for stream in streams]
        networks["discriminator"] = Ensemble([networks["discriminator"], *more])
    return {player: network.to(dtype) for player, network in networks.items()}


def _network(builder: Callable[..., nn.Module], shape: tuple[int, ...], seed: int, stream: str) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, stream))
        return builder(shape=shape)


def as_functions(networks: Mapping[str, nn.Module], bf16: bool) -> dict[str, Apply]:
    """Return the functions that an objective calls, under bf16 autocast but for the penalties' critic."""
    full = {player: functional(network) for player, network in networks.items()}
    if not bf16:
        return full
    cast = {player: _autocast(apply) for player, apply in full.items()}
    return {**cast, "penalty_discriminator": full["discriminator"]}


def _autocast(apply: Apply) -> Apply:
    @functools.wraps(apply)
    def cast(params: Tensors, buffers: Tensors, *inputs: Tensor, **kwargs: Number) -> tuple[Tensor, Tensors]:
        with torch.autocast(inputs[0].device.type, dtype=torch.bfloat16):
            output, new_buffers = apply(params, buffers, *inputs, **kwargs)
        return output.float(), {name: value.float() for name, value in new_buffers.items()}

    return cast
