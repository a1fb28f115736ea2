"""The draws of all members, made outside of the program: once for members that share a seed."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

from steadygan.core.step_batch import Batches
from steadygan.core.types import Tensors
from steadygan.training.batches import BatchSampler


class Draws:
    """Sample the batches of each seed, stacked.

    A program takes tensors ``[seeds, ...]`` and the place of each member's seed among them. What is no tensor, such as
    what an algorithm does not draw and which penalties are due, is the *kind* of the batches; ``batches`` puts it back.

    Args:
        samplers: one for each member, all alike but for their seeds.
        params: the parameters of each player of any member; the noise of update rules has their shapes.
    """

    def __init__(self, samplers: Sequence[BatchSampler], params: Mapping[str, Tensors]) -> None:
        self._samplers = list({sampler.seed: sampler for sampler in samplers}.values())
        self._params = params
        seeds = [sampler.seed for sampler in self._samplers]
        self.places = torch.tensor([seeds.index(sampler.seed) for sampler in samplers], device=samplers[0].device)
        self._kinds: list[tuple[list[bool], list[Any], TreeSpec]] = []

    def at(self, iteration: int) -> tuple[list[Tensor], int]:
        """``[seeds, ...]`` each: the draws of generator update number ``iteration``; and the number of their kind."""
        flat, shapes = zip(*(self._flat(sampler, iteration) for sampler in self._samplers))
        drawn = [isinstance(leaf, Tensor) for leaf in flat[0]]
        kind = drawn, [None if is_tensor else leaf for leaf, is_tensor in zip(flat[0], drawn)], shapes[0]
        if kind not in self._kinds:
            self._kinds.append(kind)
        return [torch.stack(each) for each, is_tensor in zip(zip(*flat), drawn) if is_tensor], self._kinds.index(kind)

    def batches(self, tensors: Sequence[Tensor], kind: int) -> Batches:
        """Return one member's batches, from its part of each tensor."""
        drawn, leaves, shape = self._kinds[kind]
        remaining = iter(tensors)
        return tree_unflatten([next(remaining) if is_tensor else leaf for is_tensor, leaf in zip(drawn, leaves)], shape)

    def _flat(self, sampler: BatchSampler, iteration: int) -> tuple[list[Any], TreeSpec]:
        return tree_flatten(sampler.sample(iteration, self._params))
