"""The draws of all members, made outside of the program: once for members that share a seed."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

from steadygan.core.types import Tensors
from steadygan.engines.dealer import Dealer


class Draws:
    """What ``Dealer`` deals to each seed, stacked.

    A program takes tensors ``[seeds, ...]`` and the place of each member's seed among them; what a sentence does not
    draw is no tensor, and is put back by ``turns``.

    Args:
        dealers: one for each member, all alike but for their seeds.
        params: the parameters of each player of any member; update rules want noise of their shapes.
    """

    def __init__(self, dealers: Sequence[Dealer], params: Mapping[str, Tensors]):
        self._dealers = list({dealer.seed: dealer for dealer in dealers}.values())
        self._params = params
        seeds = [dealer.seed for dealer in self._dealers]
        self.places = torch.tensor([seeds.index(dealer.seed) for dealer in dealers], device=dealers[0].device)
        leaves, self._shape = self._flat(self._dealers[0], 0)
        self._drawn = [leaf is not None for leaf in leaves]

    def at(self, iteration: int) -> list[Tensor]:
        """``[seeds, ...]`` each: the draws of generator update number ``iteration``."""
        flat = [self._flat(dealer, iteration)[0] for dealer in self._dealers]
        return [torch.stack(each) for each, drawn in zip(zip(*flat), self._drawn) if drawn]

    def turns(self, tensors: Sequence[Tensor]) -> Any:
        """One member's turns, from its part of each tensor."""
        given = iter(tensors)
        return tree_unflatten([next(given) if drawn else None for drawn in self._drawn], self._shape)

    def _flat(self, dealer: Dealer, iteration: int) -> tuple[list[Tensor | None], TreeSpec]:
        return tree_flatten(dealer.deal(iteration, self._params))
