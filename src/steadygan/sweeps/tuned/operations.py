"""What an iteration costs: gradient evaluations, from floating point operations counted on the real step."""

import functools
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import conv_flop_count, flop_registry

from steadygan.config.building import build
from steadygan.config.node import Config, Node
from steadygan.data.base import Batch, Dataset
from steadygan.training.module import GANModule

BATCH = 2
"""Examples of the batch that is counted: operations are proportional to them."""


class Cost(NamedTuple):
    """Of an iteration, which is one update of the generator."""

    discriminator: float
    gradients: float


class Counter(TorchDispatchMode):
    """Adds up what torch knows of its operators.

    Its own ``FlopCounterMode`` does not go with gradients by inputs, and counts the backward pass of convolutions in
    groups as if there were none.
    """

    total = 0

    def __torch_dispatch__(
        self, func: OpOverload, types: Sequence[type], args: tuple = (), kwargs: Config | None = None
    ) -> object:
        """Count the operator, and run it."""
        out = func(*args, **(kwargs or {}))
        if func._overloadpacket is torch.ops.aten.convolution_backward:
            grad, x, weight, transposed, wanted = args[0], args[1], args[2], args[7], args[10]
            self.total += sum(wanted[:2]) * conv_flop_count(x.shape, weight.shape, grad.shape, transposed)
        elif counted := flop_registry.get(func._overloadpacket):
            self.total += counted(*args, **(kwargs or {}), out_val=out)
        return out


class Blank:
    """Examples of nothing in the place of a data set: counting needs no data."""

    def __init__(self, dataset: Dataset) -> None:
        self.shape, self.num_data, self.num_classes = dataset.shape, dataset.num_data, dataset.num_classes

    def batch(
        self, seed: int, stream: str, index: int, batch_size: int, device: torch.device | str, dtype: torch.dtype
    ) -> Batch:
        """Return zeros, of class 0."""
        zeros = torch.zeros(batch_size, dtype=torch.long, device=device)
        return {"x": torch.zeros((batch_size, *self.shape), dtype=dtype, device=device), "y": zeros, "index": zeros}


def cost(config: Config) -> Cost:
    """Return the discriminator's updates and the gradient evaluations of an iteration.

    One forward and backward pass of one player's loss on one batch is one evaluation. What penalties and games add is
    counted in operations, in units of a pass of the discriminator without them.
    """
    updates = config["game"].get("n_critic", 1) / config["game"].get("critic_every", 1)
    alternating = {"_target_": "steadygan.core.games.Alternating"}
    bare = {**config, "regularizer": {}}
    once, twice = (operations({**bare, "game": {**alternating, "n_critic": count}}) for count in (1, 2))
    discriminator = twice - once
    added = operations(config) - updates * discriminator - (once - discriminator)
    return Cost(updates, 1 + updates + max(0.0, added) / discriminator)


def operations(config: Config) -> float:
    """Return the floating point operations of an iteration with a batch of two; the mean, where not all are alike."""
    own = {key: config[key] for key in config if key not in ("metrics", "seed", "logger", "outputs", "name")}
    return _operations(json.dumps(own, sort_keys=True))


@functools.lru_cache(maxsize=1024)
def _operations(config: str) -> float:
    node: Node = json.loads(config)
    node |= {"metrics": {"raw": False}, "seed": 0, "batch_size": BATCH}
    components = build(node | {"logger": {"_target_": "steadygan.loggers.none.NoLogger"}})
    gan = GANModule(replace(components, dataset=Blank(components.dataset)), 0, BATCH, torch.float32)
    gan.to_device(torch.device("cpu"))
    intervals = [each.get("every", 1) for each in node["regularizer"].values()]
    period = max(int(each or 1) for each in (1, node["game"].get("critic_every", 1), *intervals))
    with Counter() as counter:
        for iteration in range(period):
            gan.advance(iteration)
    return counter.total / period
