"""The step of all members as one tensor program: ``vmap`` of the pure step, and nothing else."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from steadygan.core.autodiff import FuncBackend
from steadygan.core.state import State
from steadygan.core.types import Tree
from steadygan.population.draws import Draws
from steadygan.training.algorithm import Algorithm
from steadygan.training.running_mean import finite, summands
from steadygan.training.step import step

T = TypeVar("T")
"""A tree of tensors."""

Outcome = tuple[State, dict[str, Tensor], Tensor]
"""The new state, the logs and who is alive, all with a leading dimension of members."""

Hyperparameters = Mapping[str, Tree]

Program = Callable[[State, Sequence[Tensor], Tensor, Hyperparameters, Tensor, Tensor], Outcome]
"""``program(state, draws, places, hyperparameters, alive, t)``, for draws of one kind."""


CALLBACKS = "trainer.callbacks are called by Lightning's Trainer, which trains one run"
"""Why a run with callbacks of the user's own is no member."""


class NotVmappable(Exception):
    """An algorithm that cannot run as one program for several members; the message says why."""


def stack(trees: Sequence[T]) -> T:
    """Trees of tensors or numbers as one tree with a leading dimension; numbers become float64."""
    return tree_map(lambda *leaves: torch.stack([_tensor(leaf) for leaf in leaves]), *trees)


def _tensor(leaf: Tensor | float) -> Tensor:
    return leaf if isinstance(leaf, Tensor) else torch.tensor(leaf, dtype=torch.float64)


def member(tree: T, index: int) -> T:
    """One member's part of a stacked tree, on its own storage."""
    return tree_map(lambda leaf: leaf[index].clone(), tree)


class Programs:
    """The step of all members, a program for each kind of batches, and for each stage of networks that grow.

    A penalty that is not due is no part of a program, nor are layers that are not there yet.

    Args:
        algorithm: of all members.
        draws: of all members.
        freezes: see ``program``.
        wrap: what is done to each program, such as compiling it.
    """

    def __init__(
        self,
        algorithm: Algorithm,
        draws: Draws,
        freezes: bool,
        wrap: Callable[[Program], Program] = lambda program: program,
    ) -> None:
        self._given, self._wrap = (algorithm, draws, freezes), wrap
        self._made: dict[tuple[int, int | None], Program] = {}

    def wrapped(self, wrap: Callable[[Program], Program]) -> "Programs":
        """Return the same programs, each wrapped."""
        return Programs(*self._given, wrap)

    def __call__(self, kind: int, stage: int | None, *arguments: Any) -> Outcome:
        """``programs(kind of the batches, stage, *what a program takes)``."""
        if (kind, stage) not in self._made:
            algorithm, draws, freezes = self._given
            self._made[kind, stage] = self._wrap(program(algorithm.in_stage(stage), draws, freezes, kind))
        return self._made[kind, stage](*arguments)


def program(algorithm: Algorithm, draws: Draws, freezes: bool, kind: int) -> Program:
    """Return the step of all members on batches of one kind; a member that would not be finite is not alive any more.

    ``freezes``: those that are not alive keep the state that they had. Else it is for the caller to put back, which
    saves reading and writing all states once more while everybody is alive, but has the CPU wait for the device.
    """

    def one(state: State, drawn: list[Tensor], hyperparameters: Hyperparameters, alive: Tensor, t: Tensor) -> Outcome:
        new, logs = step(
            algorithm.with_hyperparameters(hyperparameters), FuncBackend(), state, draws.batches(drawn, kind), t
        )
        alive = alive & finite(summands(logs))
        return frozen(new, state, alive) if freezes else new, logs, alive

    together = torch.func.vmap(one, in_dims=(0, 0, 0, 0, None))

    def run(
        state: State,
        drawn: Sequence[Tensor],
        places: Tensor,
        hyperparameters: Hyperparameters,
        alive: Tensor,
        t: Tensor,
    ) -> Outcome:
        with torch.no_grad():
            return together(state, [each.index_select(0, places) for each in drawn], hyperparameters, alive, t)

    return run


def frozen(after: State, before: State, alive: Tensor) -> State:
    """``after`` of those that are alive, ``before`` of the others; of one member, or of all that are stacked."""

    def keep(new: Tensor, old: Tensor) -> Tensor:
        return torch.where(alive.reshape((*alive.shape, *[1] * (new.ndim - alive.ndim))), new, old)

    return tree_map(keep, after, before)
