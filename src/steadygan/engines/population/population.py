"""The state of all members, and its steps."""

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import torch
from torch import Tensor

from steadygan.engines.dealer import Dealer
from steadygan.engines.parts import Parts
from steadygan.engines.population.draws import Draws
from steadygan.engines.population.member import Member
from steadygan.engines.population.program import Programs, frozen, member, stack
from steadygan.engines.step import PLAYERS
from steadygan.engines.window import summands

EXAMPLES = 8192
"""Of all members together, that one forward pass makes or judges: few enough for the caches."""


def asynchronous(device: torch.device) -> bool:
    """Whether to look at a value is to wait for the device, so that programs had better freeze members themselves."""
    return device.type != "cpu"


class Population:
    """Members that train together, all from the same iteration on.

    A seat may be empty: that of a member of the first launch that has ended since. It is computed with what the first
    member has, and frozen, so that the program, and with it every bit of the others, stays what it was.

    Args:
        seats: the members and the parts of each; None for an empty seat.
        batch_size: of every member.
    """

    def __init__(self, seats: Sequence[tuple[Member, Parts] | None], batch_size: int):
        first, parts = next(seat for seat in seats if seat)
        filled = [seat or (first, parts) for seat in seats]
        self.members = [seat and seat[0] for seat in seats]
        self.device = first.device
        self._filled = [one for one, _ in filled]
        self._datasets = [own.dataset for _, own in filled]
        self._numbers = stack([own.sentence.numbers() for _, own in filled])
        self._draws = Draws(
            [
                Dealer(own.dataset, own.wants, one.latent, one.seed, batch_size, self.device, one.float_type)
                for one, own in filled
            ],
            {player: first.state[player]["params"] for player in PLAYERS},
        )
        self._freezes = asynchronous(self.device)
        self._sentence = parts.sentence
        self.program = Programs(parts.sentence, self._draws, self._freezes)
        self.gather()

    def gather(self) -> None:
        """Begin where the members are.

        Raises:
            ValueError: they are not at the same iteration.
        """
        first = self._filled[0]
        if any(one.iteration != first.iteration for one in self._filled):
            raise ValueError("the members of a population must be at the same iteration")
        self.iteration = first.iteration
        self._state = stack([one.state for one in self._filled])
        self._alive = torch.tensor([one is not None for one in self.members], device=self.device)
        self._reached = torch.full((len(self.members),), self.iteration, device=self.device)
        self._names = first.window.names
        self._count = torch.tensor([one.window.count for one in self._filled], device=self.device)
        started = first.window.count > 0
        self._total = torch.stack([one.window.total for one in self._filled], 1).to(self.device) if started else None

    def call(self, program: Programs, iteration: int | None = None) -> Any:
        """What the next iteration gives, or another one from the present state, when computed by ``program``; nothing
        changes."""
        iteration = self.iteration if iteration is None else iteration
        drawn, kind = self._draws.at(iteration)
        t = torch.tensor(iteration, device=self.device)
        stage = self._sentence.during(iteration).stage
        return program(kind, stage, self._state, drawn, self._draws.places, self._numbers, self._alive, t)

    def step(self) -> None:
        """One iteration of all that are alive."""
        before = self._state
        self._state, logs, self._alive = self.call(self.program)
        if not self._freezes and not bool(self._alive.all()):
            self._state = frozen(self._state, before, self._alive)
        self.iteration += 1
        self._reached = torch.where(self._alive, self.iteration, self._reached)
        self._log(logs)

    def _log(self, logs: dict[str, Tensor]) -> None:
        values = summands(logs)
        if self._names != list(logs):  # restored from checkpoints of a version that logs something else
            self.reset_windows()
        before = torch.zeros_like(values) if self._total is None else self._total
        self._total = torch.where(self._alive, before + values, before)
        self._count = self._count + self._alive
        self._names = list(logs)

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
                one.state = member(self._state, index)
        return diverged

    def _sum(self, index: int, count: list[int]) -> Tensor | None:
        return self._total[:, index].clone() if count[index] else None

    def by_seed(self, make: Callable[[Member, Any], Tensor]) -> Tensor:
        """``[seats, ...]`` of ``make(member, data set)``, which is a function of the seed and called once for each."""
        made: dict[int, Tensor] = {}
        for one, dataset in zip(self._filled, self._datasets):
            if one.seed not in made:
                made[one.seed] = make(one, dataset)
        return torch.stack([made[one.seed] for one in self._filled])

    def sample(self, latents: Tensor, ema: bool = True) -> Tensor:
        """``[seats, n, *shape]`` for latents ``[seats, n, latent]``: ``Trained.sample`` of all."""
        return self._seen(lambda member, own: member.sample(own, ema), latents)

    def critic(self, x: Tensor) -> Tensor:
        """``[seats, n]`` for ``x [seats, n, *shape]``: ``Trained.critic`` of all."""
        return self._seen(Member.critic, x)

    @torch.no_grad()
    def _seen(self, look: Callable[[Member, Tensor], Tensor], inputs: Tensor) -> Tensor:
        def one(state: Any, part: Tensor) -> Tensor:
            seen = copy(self._filled[0])
            seen.state, seen.iteration = state, self.iteration
            return look(seen, part)

        parts = inputs.split(max(1, EXAMPLES // len(self.members)), dim=1)
        return torch.cat([torch.func.vmap(one)(self._state, part) for part in parts], 1)

    def reset_windows(self) -> None:
        """Begin new means, as the members have."""
        self._total, self._count = None, torch.zeros_like(self._count)
