"""What the processes of a run tell each other."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from steadygan.core.games import State
from steadygan.core.types import Tensors
from steadygan.engines.interrupt import Interrupt
from steadygan.engines.step import PLAYERS


class Alone:
    """One process that has the whole batch: nothing to tell.

    Attributes:
        rank: number of the process.
        count: of processes.
        interrupt: of this process.
        local_buffers: whether running statistics differ between processes until they are averaged.
    """

    rank, count = 0, 1
    local_buffers = False

    def __init__(self) -> None:
        self.interrupt = Interrupt()

    @property
    def stops(self) -> bool:
        """Whether the run is to stop after this iteration."""
        return self.interrupt.requested

    def slice(self, size: int) -> slice:
        """This process's part of a batch that the number of processes divides."""
        return slice(None)

    def share(self, x: Tensor) -> Tensor:
        """This process's part of ``[n, ...]``, about as long as any other's, in their order."""
        return x

    def gather(self, x: Tensor) -> Tensor:
        """Return the parts of all processes in their order; inverse to ``share``."""
        return x

    def average(self, grads: Tensors) -> Tensors:
        """Return the mean of a player's gradients over the processes."""
        return grads

    def agree(self, logs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the mean of the logs over the processes, the same in each; they agree on ``stops``, too."""
        return logs

    def settle(self, state: State) -> State:
        """Return the state, the same in all processes."""
        return state

    def send(self, value: Any) -> Any:
        """What process 0 has."""
        return value


class Together(Alone):
    """One of several processes, in torch's default process group.

    Args:
        rank: number of the process.
        count: of processes.
    """

    def __init__(self, rank: int, count: int) -> None:
        super().__init__()
        self.rank, self.count = rank, count
        self._stops = False

    @property
    def stops(self) -> bool:
        return self._stops

    def slice(self, size: int) -> slice:
        part = size // self.count
        return slice(self.rank * part, (self.rank + 1) * part)

    def share(self, x: Tensor) -> Tensor:
        return x.tensor_split(self.count)[self.rank]

    def gather(self, x: Tensor) -> Tensor:
        from torchmetrics.utilities.distributed import gather_all_tensors

        return torch.cat(gather_all_tensors(x.contiguous()))

    def average(self, grads: Tensors) -> Tensors:
        # A game that looks ahead differentiates through it.
        flat = _Sum.apply(_flat(list(grads.values())))
        return dict(zip(grads, self._unflat(flat, list(grads.values()))))

    def agree(self, logs: dict[str, Tensor]) -> dict[str, Tensor]:
        # One message for both. A number that is not finite anywhere is so everywhere: divergence is agreed upon.
        values = [value.double() for value in logs.values()]
        *means, stop = self._means([*values, torch.full_like(values[0], float(self.interrupt.requested))])
        self._stops = bool(stop > 0)
        return dict(zip(logs, means))

    def settle(self, state: State) -> State:
        """Running statistics are linear in those of the batches, and so is their average over iterations: the mean of
        what the processes have is what one would have of the mean statistics."""
        if not self.local_buffers:
            return state
        state = {**state, **{player: {**state[player]} for player in PLAYERS}}
        own = {player: _floating(state[player]["buffers"]) for player in PLAYERS}
        own["ema"] = {name: state["ema"][name] for name in own["generator"]}
        means = iter(self._means([value for buffers in own.values() for value in buffers.values()]))
        new = {owner: {name: next(means) for name in buffers} for owner, buffers in own.items()}
        for player in PLAYERS:
            state[player]["buffers"] = {**state[player]["buffers"], **new[player]}
        state["ema"] = {**state["ema"], **new["ema"]}
        return state

    def send(self, value: Any) -> Any:
        box = [value]
        dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
        return box[0]

    def _means(self, values: Sequence[Tensor]) -> list[Tensor]:
        """Return each tensor's mean over the processes, by one message."""
        flat = _flat(values)
        dist.all_reduce(flat)
        return self._unflat(flat, values)

    def _unflat(self, total: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
        parts = (total / self.count).split([value.numel() for value in like])
        return [part.view(value.shape) for part, value in zip(parts, like)]


def _flat(values: Sequence[Tensor]) -> Tensor:
    return torch.cat([value.reshape(-1) for value in values])


def _floating(tensors: Tensors) -> Tensors:
    return {name: value for name, value in tensors.items() if value.is_floating_point()}


class _Sum(torch.autograd.Function):
    """The sum over all processes, with its gradients of any order: what one gets of the sum of all their results.

    All processes must call it, and its backward passes, in the same order, as they do where they run one program.
    """

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        total = x.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Nothing to keep: it is linear."""

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return _Sum.apply(grad)

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Tensor) -> tuple[Tensor, Any]:
        return _Sum.apply(x), in_dims[0]


def gathering(rank: int, count: int) -> Callable[[Tensor], Tensor]:
    """``gather(x) -> [count, *x.shape]``: the tensors of all processes, differentiable as often as one likes."""

    def gather(x: Tensor) -> Tensor:
        rows = [torch.zeros_like(x)] * count
        rows[rank] = x
        return _Sum.apply(torch.stack(rows))

    return gather
