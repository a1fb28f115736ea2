"""Several networks of one kind as one module, computed side by side."""

from collections.abc import Sequence
from copy import deepcopy
from functools import partial

import torch
from torch import Tensor, nn

from steadygan.core.types import Number, Tensors


class Ensemble(nn.Module):
    """Members whose tensors are stacked, ``[K, ...]`` each: ``x [K * B, ...] -> [K * B, ...]``.

    The first B examples are for the first member, and so on. Called as a function of its tensors it takes as many
    members as these hold. Names of the tensors are those of a member, behind ``member.``.

    Args:
        members: modules that differ in the values of their tensors alone; inputs and outputs have a batch dimension.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = len(members)
        self.member = deepcopy(members[0])
        for name, module in self.member.named_modules():
            others = [member.get_submodule(name) for member in members]
            for key, _ in list(module.named_parameters(recurse=False)):
                stacked = torch.stack([other.get_parameter(key).detach() for other in others])
                module._parameters[key] = nn.Parameter(stacked)
            for key, _ in list(module.named_buffers(recurse=False)):
                module._buffers[key] = torch.stack([other.get_buffer(key) for other in others])
        self._one = (deepcopy(members[0]),)  # in a tuple: no module of its own

    def train(self, mode: bool = True) -> "Ensemble":
        self._one[0].train(mode)
        return super().train(mode)

    @property
    def sizes(self) -> tuple[int, ...] | None:
        """Sizes of the stages of members that grow."""
        return getattr(self._one[0], "sizes", None)

    def forward(self, x: Tensor, *more: Tensor, **stage_kwargs: Number) -> Tensor:
        """Return ``[K * B, ...]``; ``more``: further inputs ``[K * B]``; ``stage_kwargs`` are passed to all."""
        params: Tensors = dict(self.member.named_parameters())
        buffers: Tensors = dict(self.member.named_buffers())
        count = len(next(iter(params.values())))
        inputs = [value.unflatten(0, (count, -1)) for value in (x, *more)]
        output, new = torch.func.vmap(partial(self._call, stage_kwargs))(params, buffers, *inputs)
        for name, value in new.items():
            path, _, key = name.rpartition(".")
            self.member.get_submodule(path)._buffers[key] = value
        return output.flatten(0, 1)

    def _call(
        self, stage_kwargs: dict[str, Number], params: Tensors, buffers: Tensors, *inputs: Tensor
    ) -> tuple[Tensor, Tensors]:
        """Return one member's output and its new buffers."""
        tensors = {**params, **buffers}  # where ``functional_call`` writes what ``forward`` assigns
        output = torch.func.functional_call(self._one[0], tensors, inputs, stage_kwargs)
        return output, {name: tensors[name] for name in buffers}
