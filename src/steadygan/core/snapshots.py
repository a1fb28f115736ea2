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
        count: how many are kept, 0 for none.
        every: iterations between two of them.
    """

    count: int = 0
    every: int = 100

    def init(self, networks: tuple[Tensors, Tensors]) -> dict[str, Any]:
        """Nothing seen yet: ``params`` and ``buffers`` ``[count * K, ...]``, ``there`` ``[count * K]`` false."""
        params, buffers = ({name: value.repeat(self.count, *[1] * (value.ndim - 1)) for name, value in tensors.items()}
                           for tensors in networks)  # fmt: skip
        first = next(iter(params.values()))
        return {
            "params": params,
            "buffers": buffers,
            "there": torch.zeros(len(first), dtype=torch.bool, device=first.device),
        }

    def update(self, kept: dict[str, Any], own: dict[str, Any], t: Number) -> dict[str, Any]:
        """After iteration number ``t`` (from 0): the oldest gives way where a snapshot is due.

        Args:
            kept: as ``init`` gave it.
            own: the discriminator's ``params`` and ``buffers``.
            t: iterations made before this one.
        """
        members = len(kept["there"]) // self.count
        made = torch.as_tensor(t, device=kept["there"].device) + 1
        place = torch.arange(len(kept["there"]), device=made.device) // members
        due = (made % self.every == 0) & (place == (made // self.every - 1) % self.count)

        def put(old: Tensor, new: Tensor) -> Tensor:
            return torch.where(due.view(-1, *[1] * (old.ndim - 1)), new.repeat(self.count, *[1] * (new.ndim - 1)), old)

        return {
            **{
                part: {name: put(old, own[part][name]) for name, old in kept[part].items()}
                for part in ("params", "buffers")
            },
            "there": kept["there"] | due,
        }

    def judges(self, kept: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
        """The present discriminators and the snapshots as one stack: ``params``, ``buffers``, ``there``."""
        now = torch.ones(len(kept["there"]) // self.count, dtype=torch.bool, device=kept["there"].device)
        return {
            **{
                part: {name: torch.cat([own[part][name], old]) for name, old in kept[part].items()}
                for part in ("params", "buffers")
            },
            "there": torch.cat([now, kept["there"]]),
        }
