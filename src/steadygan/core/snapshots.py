"""Past states of the discriminator that the generator has to fool beside the present one.

Snapshots of a Langevin chain are samples of the discriminator's posterior: "an ensemble of discriminators seen by the
generator" without training more than one.

Reference: Ramakers et al. (undated), section 2 and eq. 10.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from steadygan.core.state import PlayerState, Stack
from steadygan.core.types import Number, Tensors


@dataclass(frozen=True)
class Snapshots:
    """The last ``count`` states, one each ``every`` iterations; discriminators are stacked, ``[K, ...]`` each tensor.

    Attributes:
        count: how many there are, 0 for none.
        every: iterations between two of them.
    """

    count: int = 0
    every: int = 100

    def init(self, params: Tensors, buffers: Tensors) -> Stack:
        """Return the state without any snapshot yet, ``[count * K, ...]`` each tensor."""
        repeats = {part: {name: _repeat(value, self.count) for name, value in own.items()}
                   for part, own in (("params", params), ("buffers", buffers))}  # fmt: skip
        first = next(iter(repeats["params"].values()))
        return Stack(**repeats, active=torch.zeros(len(first), dtype=torch.bool, device=first.device))

    def update(self, state: Stack, present: PlayerState, t: Number) -> Stack:
        """Return the state after iteration ``t`` (from 0): a snapshot that is due replaces the oldest."""
        members = len(state.active) // self.count
        made = torch.as_tensor(t, device=state.active.device) + 1
        slot = torch.arange(len(state.active), device=made.device) // members
        due = (made % self.every == 0) & (slot == (made // self.every - 1) % self.count)

        def put(old: Tensors, new: Tensors) -> Tensors:
            return {
                name: torch.where(due.view(-1, *[1] * (value.ndim - 1)), _repeat(new[name], self.count), value)
                for name, value in old.items()
            }

        return Stack(put(state.params, present.params), put(state.buffers, present.buffers), state.active | due)

    def discriminators(self, state: Stack, present: PlayerState) -> Stack:
        """Return the present discriminators and the snapshots as one stack."""
        now = torch.ones(len(state.active) // self.count, dtype=torch.bool, device=state.active.device)
        params, buffers = (
            {name: torch.cat([new[name], value]) for name, value in old.items()}
            for old, new in ((state.params, present.params), (state.buffers, present.buffers))
        )
        return Stack(params, buffers, torch.cat([now, state.active]))


def _repeat(value: Tensor, times: int) -> Tensor:
    return value.repeat(times, *[1] * (value.ndim - 1))
