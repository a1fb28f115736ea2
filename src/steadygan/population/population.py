"""The state of all members, and its steps."""

import math
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from steadygan.core.state import State
from steadygan.population.draws import Draws
from steadygan.population.member import Member
from steadygan.population.program import Hyperparameters, Outcome, Program, Programs, frozen, member, stack
from steadygan.training.batches import BatchSampler
from steadygan.training.components import Components
from steadygan.training.running_mean import summands

EXAMPLES = 8192
"""Examples of all members together in one forward pass: few enough for the caches."""


def asynchronous(device: torch.device) -> bool:
    """Return whether reading a value waits for the device, so that programs had better freeze members themselves."""
    return device.type != "cpu"


@dataclass
class Stack:
    """The slots that one call of the program computes, from ``start`` on: all they have, with a leading dimension."""

    start: int
    state: State
    hyperparameters: Hyperparameters
    places: Tensor
    alive: Tensor

    def call(self, program: Program, drawn: Sequence[Tensor], t: Tensor) -> Outcome:
        """Return what the next iteration gives; nothing changes."""
        return program(self.state, drawn, self.places, self.hyperparameters, self.alive, t)

    def step(self, program: Program, drawn: Sequence[Tensor], t: Tensor, freezes: bool) -> dict[str, Tensor]:
        """One iteration of all that are alive; its logs. ``freezes``: the program keeps the others as they are."""
        state, logs, self.alive = self.call(program, drawn, t)
        all_alive = freezes or bool(self.alive.all())
        self.state = state if all_alive else frozen(state, self.state, self.alive)
        return logs


class Population:
    """Members that train together, all from the same iteration on.

    A slot may be empty: that of a member of the first launch that has ended since. It is computed with what the first
    member has, and frozen, so that the program, and with it every bit of the others, stays what it was.

    Args:
        slots: the members and the components of each; None for an empty slot.
        batch_size: of every member.
    """

    def __init__(self, slots: Sequence[tuple[Member, Components] | None], batch_size: int) -> None:
        first, components = next(slot for slot in slots if slot)
        self.members = [slot and slot[0] for slot in slots]
        self.device = first.device
        self._slots, self._spare = [slot or (first, components) for slot in slots], (first, components)
        samplers = [
            BatchSampler(own.dataset, own.sampling, one.latent, one.seed, batch_size, self.device, one.float_type)
            for one, own in self._slots
        ]
        self._draws = Draws(samplers, first.state.params())
        self._freezes = asynchronous(self.device)
        self._algorithm = components.algorithm
        self.program = Programs(components.algorithm, self._draws, self._freezes)
        self.divide(len(slots))

    def divide(self, together: int) -> None:
        """Begin where the members are, and have one call of a program compute about ``together`` of them.

        All calls compute equally many, so that there is but one program; the last may have empty slots.
        """
        count = max(1, round(len(self.members) / together))
        self.together = math.ceil(len(self.members) / count)
        self.gather()

    def gather(self) -> None:
        """Begin where the members are.

        Raises:
            ValueError: they are not at the same iteration.
        """
        first, _ = self._spare
        if any(one.iteration != first.iteration for one, _ in self._slots):
            raise ValueError("the members of a population must be at the same iteration")
        self.iteration = first.iteration
        self._stacks = [self._stack(start) for start in range(0, len(self.members), self.together)]
        self._reached = torch.full((len(self.members),), self.iteration, device=self.device)
        self._names = first.window.names
        self._count = torch.tensor([one.window.count for one, _ in self._slots], device=self.device)
        totals = [one.window.total for one, _ in self._slots if one.window.total is not None]
        self._total = torch.stack(totals, 1).to(self.device) if first.window.count > 0 else None

    def _stack(self, start: int) -> Stack:
        slots = slice(start, start + self.together)
        filled, active = self._slots[slots], [one is not None for one in self.members[slots]]
        spare = self.together - len(filled)
        filled, places = filled + [self._spare] * spare, self._draws.places[slots]
        return Stack(
            start,
            state=stack([one.state for one, _ in filled]),
            hyperparameters=stack([own.algorithm.hyperparameters() for _, own in filled]),
            places=torch.cat([places, places.new_zeros(spare)]),
            alive=torch.tensor(active + [False] * spare, device=self.device),
        )

    def trial(self, iteration: int) -> None:
        """Compute an iteration of some from their present state, and forget it."""
        self._stacks[0].call(*self._asked(iteration))

    def _asked(self, iteration: int) -> tuple[Program, Sequence[Tensor], Tensor]:
        """Return the program of an iteration, its draws, and the iteration itself."""
        drawn, kind = self._draws.at(iteration)
        growth = self._algorithm.growth
        stage = None if growth is None else growth.stage(iteration)
        return partial(self.program, kind, stage), drawn, torch.tensor(iteration, device=self.device)

    def step(self) -> None:
        """One iteration of all that are alive."""
        asked = self._asked(self.iteration)
        logs = [each.step(*asked, self._freezes) for each in self._stacks]
        self.iteration += 1
        alive = self._of_all([each.alive for each in self._stacks])
        self._reached = torch.where(alive, self.iteration, self._reached)
        self._log(list(logs[0]), self._of_all([summands(each) for each in logs]), alive)

    def _of_all(self, stacks: Sequence[Tensor]) -> Tensor:
        """``[..., slots]`` of each stack's part, without the empty slots."""
        return torch.cat(list(stacks), -1)[..., : len(self.members)]

    def _log(self, names: list[str], values: Tensor, alive: Tensor) -> None:
        if self._names != names:  # restored from checkpoints of a version that logs something else
            self.reset_windows()
        before = torch.zeros_like(values) if self._total is None else self._total
        self._total = torch.where(alive, before + values, before)
        self._count = self._count + alive
        self._names = names

    def settle(self, states: bool) -> list[Member]:
        """Tell the members how far they are, and their states if asked to.

        Returns:
            Those that are found to have diverged since the last time; they have their states in any case.
        """
        diverged = []
        reached, count = self._reached.tolist(), self._count.tolist()
        for index, one in enumerate(self.members):
            if one is None or one.diverged_at is not None:
                continue
            one.iteration = reached[index]
            one.window.restore({"names": self._names, "total": self._sum(index, count), "count": count[index]})
            if one.iteration < self.iteration:
                one.diverged_at = one.iteration + 1
                diverged.append(one)
            if states or one.diverged_at is not None:
                whose, place = divmod(index, self.together)
                one.state = member(self._stacks[whose].state, place)
        return diverged

    def _sum(self, index: int, count: list[int]) -> Tensor | None:
        return self._total[:, index].clone() if count[index] and self._total is not None else None

    def by_seed(self, make: Callable[[Member, Any], Tensor]) -> Tensor:
        """``[slots, ...]`` of ``make(member, data set)``, which is a function of the seed and called once for each."""
        made: dict[int, Tensor] = {}
        for one, own in self._slots:
            if one.seed not in made:
                made[one.seed] = make(one, own.dataset)
        return torch.stack([made[one.seed] for one, _ in self._slots])

    def sample(self, latents: Tensor, ema: bool = True) -> Tensor:
        """``[slots, n, *shape]`` for latents ``[slots, n, latent]``: ``GANState.sample`` of all."""
        return self._seen(lambda member, own: member.sample(own, ema), latents)

    def critic(self, x: Tensor) -> Tensor:
        """``[slots, n]`` for ``x [slots, n, *shape]``: ``GANState.critic`` of all."""
        return self._seen(Member.critic, x)

    @torch.no_grad()
    def _seen(self, look: Callable[[Member, Tensor], Tensor], inputs: Tensor) -> Tensor:
        def one(state: State, part: Tensor) -> Tensor:
            member = copy(self._spare[0])
            member.state, member.iteration = state, self.iteration
            return look(member, part)

        def of_stack(each: Stack) -> Tensor:
            own = inputs[each.start : each.start + self.together]
            state = tree_map(lambda leaf: leaf[: len(own)], each.state)
            blocks = own.split(max(1, EXAMPLES // len(own)), dim=1)
            return torch.cat([torch.func.vmap(one)(state, part) for part in blocks], 1)

        return torch.cat([of_stack(each) for each in self._stacks])

    def reset_windows(self) -> None:
        """Begin new means, as the members have."""
        self._total, self._count = None, torch.zeros_like(self._count)
