"""Past states of the discriminator that the generator has to fool beside the present one.

Snapshots of a Langevin chain are samples of the discriminator's posterior: "an ensemble of discriminators seen by the
generator" without training more than one.

Reference: Ramakers et al. (undated), section 2 and eq. 10.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

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

    def init(self, networks: tuple[Tensors, Tensors]) -> dict[str, Any]:
        """Return the state without any snapshot yet.

        ``params`` and ``buffers`` are ``[count * K, ...]``, ``active`` ``[count * K]`` false.
        """
        params, buffers = ({name: value.repeat(self.count, *[1] * (value.ndim - 1)) for name, value in tensors.items()}
                           for tensors in networks)  # fmt: skip
        first = next(iter(params.values()))
        return {
            "params": params,
            "buffers": buffers,
            "active": torch.zeros(len(first), dtype=torch.bool, device=first.device),
        }

    def update(self, state: dict[str, Any], present: dict[str, Any], t: Number) -> dict[str, Any]:
        """Return the state after iteration ``t`` (from 0): a snapshot that is due replaces the oldest.

        Args:
            state: as ``init`` gave it.
            present: the discriminator's ``params`` and ``buffers``.
            t: iterations made before this one.
        """
        members = len(state["active"]) // self.count
        made = torch.as_tensor(t, device=state["active"].device) + 1
        slot = torch.arange(len(state["active"]), device=made.device) // members
        due = (made % self.every == 0) & (slot == (made // self.every - 1) % self.count)

        def put(old: Tensor, new: Tensor) -> Tensor:
            return torch.where(due.view(-1, *[1] * (old.ndim - 1)), new.repeat(self.count, *[1] * (new.ndim - 1)), old)

        return {
            **{
                part: {name: put(old, present[part][name]) for name, old in state[part].items()}
                for part in ("params", "buffers")
            },
            "active": state["active"] | due,
        }

    def discriminators(self, state: dict[str, Any], present: dict[str, Any]) -> dict[str, Any]:
        """Return the present discriminators and the snapshots as one stack: ``params``, ``buffers``, ``active``."""
        now = torch.ones(len(state["active"]) // self.count, dtype=torch.bool, device=state["active"].device)
        return {
            **{
                part: {name: torch.cat([present[part][name], old]) for name, old in state[part].items()}
                for part in ("params", "buffers")
            },
            "active": torch.cat([now, state["active"]]),
        }
