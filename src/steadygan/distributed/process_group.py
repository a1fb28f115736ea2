"""Communication between the processes of a run."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from steadygan.common.signals import Interrupt
from steadygan.config.node import PLAYERS
from steadygan.core.state import State
from steadygan.core.types import Tensors

T = TypeVar("T")


class SingleProcess:
    """A run in one process, which has the whole batch: nothing is communicated.

    Attributes:
        rank: of this process.
        world_size: number of processes.
        interrupt: of this process.
        local_buffers: whether running statistics differ between processes until they are averaged.
    """

    rank, world_size = 0, 1
    local_buffers = False

    def __init__(self) -> None:
        self.interrupt = Interrupt()

    @property
    def stops(self) -> bool:
        """Whether the run stops after this iteration."""
        return self.interrupt.requested

    def slice(self, size: int) -> slice:
        """Return this process's part of a batch whose size the number of processes divides."""
        return slice(None)

    def share(self, x: Tensor) -> Tensor:
        """Return this process's part of ``[n, ...]``; parts are in the order of ranks and about equally long."""
        return x

    def gather(self, x: Tensor) -> Tensor:
        """Return the parts of all processes in their order; inverse to ``share``."""
        return x

    def average_grads(self, grads: Tensors) -> Tensors:
        """Return the mean of a player's gradients over the processes."""
        return grads

    def reduce_logs(self, logs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the mean of the logs over the processes, the same on each; ``stops`` is synchronised as well."""
        return logs

    def sync_buffers(self, state: State) -> State:
        """Return the state with buffers that are the same on all processes."""
        return state

    def broadcast(self, value: T) -> T:
        """Return the value that rank 0 has."""
        return value


class ProcessGroup(SingleProcess):
    """One of several processes, in torch's default process group.

    Args:
        rank: of this process.
        world_size: number of processes.
    """

    def __init__(self, rank: int, world_size: int) -> None:
        super().__init__()
        self.rank, self.world_size = rank, world_size
        self._stops = False

    @property
    def stops(self) -> bool:
        """Whether any process was asked to stop before the last iteration ended."""
        return self._stops

    def slice(self, size: int) -> slice:
        """Return this rank's part of a batch."""
        part = size // self.world_size
        return slice(self.rank * part, (self.rank + 1) * part)

    def share(self, x: Tensor) -> Tensor:
        """Return this rank's part of ``[n, ...]``."""
        return x.tensor_split(self.world_size)[self.rank]

    def gather(self, x: Tensor) -> Tensor:
        """Return the parts of all ranks."""
        from torchmetrics.utilities.distributed import gather_all_tensors

        return torch.cat(gather_all_tensors(x.contiguous()))

    def average_grads(self, grads: Tensors) -> Tensors:
        """Return the mean over the ranks; a game that looks ahead differentiates through it."""
        flat = _Sum.apply(_flat(list(grads.values())))
        return dict(zip(grads, self._unflat(flat, list(grads.values()))))

    def reduce_logs(self, logs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the means over the ranks.

        One reduction for both. A value that is not finite on one rank is so on all: they detect divergence together.
        """
        values = [value.double() for value in logs.values()]
        *means, stop = self._means([*values, torch.full_like(values[0], float(self.interrupt.requested))])
        self._stops = bool(stop > 0)
        return dict(zip(logs, means))

    def sync_buffers(self, state: State) -> State:
        """Average the running statistics over the processes.

        Running statistics are linear in those of the batches, and so is their average over iterations: the mean of
        those of the processes is what one process would have from the mean statistics.
        """
        if not self.local_buffers:
            return state
        averaged = {player: _floating(state.of(player).buffers) for player in PLAYERS}
        averaged["ema"] = {name: state.ema[name] for name in averaged["generator"]}
        means = iter(self._means([value for buffers in averaged.values() for value in buffers.values()]))
        new = {owner: {name: next(means) for name in buffers} for owner, buffers in averaged.items()}
        for player in PLAYERS:
            own = state.of(player)
            state = state.with_player(player, own._replace(buffers={**own.buffers, **new[player]}))
        return state._replace(ema={**state.ema, **new["ema"]})

    def broadcast(self, value: T) -> T:
        """Return the value of rank 0."""
        box: list[T] = [value]
        dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
        return box[0]

    def _means(self, values: Sequence[Tensor]) -> list[Tensor]:
        """Return each tensor's mean over the processes, by one reduction."""
        flat = _flat(values)
        dist.all_reduce(flat)
        return self._unflat(flat, values)

    def _unflat(self, total: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
        parts = (total / self.world_size).split([value.numel() for value in like])
        return [part.view(value.shape) for part, value in zip(parts, like)]


def _flat(values: Sequence[Tensor]) -> Tensor:
    return torch.cat([value.reshape(-1) for value in values])


def _floating(tensors: Tensors) -> Tensors:
    return {name: value for name, value in tensors.items() if value.is_floating_point()}


class _Sum(torch.autograd.Function):
    """All-reduce (sum) that is differentiable any number of times.

    All processes must call it, and its backward passes, in the same order, as they do where they run one program.
    """

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        total = x.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def setup_context(ctx: object, inputs: object, output: object) -> None:
        """Save nothing: the function is linear."""

    @staticmethod
    def backward(ctx: object, grad: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]  # torch's has *args
        return _Sum.apply(grad)

    @staticmethod
    def vmap(info: object, in_dims: tuple, x: Tensor) -> tuple[Tensor, int | None]:  # pyright: ignore[reportIncompatibleMethodOverride]  # torch's has *args
        return _Sum.apply(x), in_dims[0]


def differentiable_gather(rank: int, world_size: int) -> Callable[[Tensor], Tensor]:
    """Return ``gather(x) -> [world_size, *x.shape]``, which stacks the tensors of all ranks, differentiable at will."""

    def gather(x: Tensor) -> Tensor:
        rows = [torch.zeros_like(x)] * world_size
        rows[rank] = x
        return _Sum.apply(torch.stack(rows))

    return gather
