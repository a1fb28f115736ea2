"""How much memory a member of a population takes, estimated before anything is trained."""

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from torch.utils._pytree import tree_leaves

from steadygan.config.node import PLAYERS
from steadygan.core.state import State
from steadygan.training.algorithm import initial_state
from steadygan.training.components import DTYPES, Components
from steadygan.training.functional import tensors

STATES = 14
"""Copies of both networks: weights, two moments and an average, their gradients, and all of it once more in the new
state."""

RULE_STATES = 10
"""Copies of what an update rule keeps beyond two moments, such as a covariance matrix: old, new, what is added, and the
room that its eigenvectors take."""

KEPT = 4
"""Copies of other state, such as past discriminators: old, new, and both beside the present one."""

SAMPLES = 3
"""Copies of the gradients of a batch's examples."""

PASSES = 10
"""Copies of all layers' outputs for one batch: real and fake, forward, backward, and both again for a penalty."""

SEEN = 4
"""Copies of a past discriminator's outputs: it sees the fakes alone, and no penalty."""

LOOKAHEAD = 16
"""Copies of the discriminator's weights for each of its updates that a gradient goes through."""


def member_bytes(components: Components, batch_size: int, precision: str) -> int:
    """Return an estimate from above of what one more member takes, in bytes."""
    dtype, algorithm = DTYPES[precision], components.algorithm
    state = initial_state(algorithm, {player: tensors(components.networks[player]) for player in PLAYERS})
    weights = {player: _elements(state.of(player).params) for player in PLAYERS}
    outputs, discriminators = layer_outputs(components.networks, dtype), algorithm.ensemble.members
    # Updates that batches are drawn for, but that are not made; a gradient goes through theirs: all of it twice.
    looked_ahead = components.sampling.n_critic - algorithm.game.n_critic
    factor = PASSES * (1 + 2 * looked_ahead) * getattr(algorithm.game, "memory_factor", 1)
    per_example = factor * (outputs["generator"] + discriminators * outputs["discriminator"])
    per_example += SEEN * discriminators * algorithm.ensemble.snapshots.count * outputs["discriminator"]
    elements = STATES * sum(weights.values()) + LOOKAHEAD * looked_ahead * weights["discriminator"]
    elements += KEPT * _elements([state.game, state.snapshots, state.aux_state])
    elements += sum(_rule_elements(components, player, state, batch_size) for player in PLAYERS)
    return (elements + batch_size * components.sampling.copies * per_example) * dtype.itemsize


def _rule_elements(components: Components, player: str, state: State, batch_size: int) -> int:
    """Numbers that the player's update rule takes beside those that every rule does."""
    weights, state_size = _elements(state.of(player).params), _elements(state.of(player).rule)
    samples = SAMPLES * batch_size * weights if components.algorithm.rules[player].per_sample else 0
    return RULE_STATES * max(0, state_size - 2 * weights) + samples


def _elements(tree: object) -> int:
    return sum(leaf.numel() for leaf in tree_leaves(tree) if isinstance(leaf, Tensor))


@torch.no_grad()
def layer_outputs(networks: Mapping[str, nn.Module], dtype: torch.dtype) -> dict[str, int]:
    """Numbers that all layers of each player put out for one example; of one discriminator, if there are several."""
    generator, discriminator = (networks[player] for player in PLAYERS)
    modes = [network.training for network in (generator, discriminator)]
    times = getattr(discriminator, "members", 1)
    label = torch.zeros(2, dtype=torch.int64)
    labels = (label,) if hasattr(generator, "classes") else ()
    try:
        # Two examples, in evaluation mode: batch normalisation leaves its statistics alone.
        latent = torch.zeros(2, generator.latent, dtype=dtype)  # pyright: ignore[reportArgumentType]  # a number
        fake, made = _counted(generator.eval(), latent, *labels)
        inputs = [torch.cat([value] * times) for value in (fake, *labels)]
        _, critic_pass = _counted(discriminator.eval(), *inputs)
    finally:
        for network, mode in zip((generator, discriminator), modes):
            network.train(mode)
    return {"generator": made // 2, "discriminator": critic_pass // 2}


def _counted(network: nn.Module, *inputs: Tensor) -> tuple[Tensor, int]:
    """Return the output of the network, and how many numbers its layers put out; of each member under ``vmap``."""
    counted = 0

    def count(module: nn.Module, inputs: object, output: object) -> None:
        nonlocal counted
        if isinstance(output, Tensor) and not list(module.children()):
            counted += output.numel()

    hook = register_module_forward_hook(count)
    try:
        return network(*inputs), counted
    finally:
        hook.remove()


def free_bytes(gpu: bool) -> int:
    """Return the bytes that could be allocated now."""
    if gpu:
        return torch.cuda.mem_get_info()[0]
    try:
        lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
