"""The types of what an algorithm is made of."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from torch import Tensor

Tensors = dict[str, Tensor]
"""The parameters or the buffers of one player, by name."""

Tree = dict[str, Any]
"""Tensors and numbers in nested dicts."""

RuleState = Tree
"""The state of an update rule."""

Logs = dict[str, Tensor]
"""Scalars to be logged, by name."""

Number = float | Tensor
"""A setting: a plain number in a single run, a 0-dim tensor under ``vmap``."""

Critic = Callable[[Tensor], Tensor]
"""``[B, ...] -> logits [B]``."""

Penalty = Callable[..., Tensor | tuple[Tensor, Tensors]]
"""``penalty(critic, real, fake, eps) -> [B]``; one with a state: see ``Stateful``."""

Project = Callable[[Tensors], Tensors]
"""``project(params) -> params``, applied after each update of the discriminator."""

Perturb = Callable[..., Tensor]
"""``perturb(x, eps) -> x``: what a discriminator sees in place of ``x``."""

Apply = Callable[..., tuple[Tensor, Tensors]]
"""A network as a function: ``(params, buffers, x) -> (output, new buffers)``; a conditional one takes a label ``[B]``
after ``x``, one that grows ``stage`` and ``fade`` by keyword (``steadygan.core.growing``)."""

Network = Callable[[Tensor], tuple[Tensor, Tensors]]
"""A network at some parameters: ``x -> (output, new buffers)``."""

Aggregation = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""``aggregation(losses [M], active [M], u) -> scalar``: the generator's loss against several discriminators."""


class Networks(NamedTuple):
    """The networks of an algorithm as functions.

    ``penalty_discriminator``: the one that penalties differentiate, where it is not the loss's (full precision beside
    bf16). ``classifier``: the discriminator with all its class logits, where it tells classes.
    """

    generator: Apply
    discriminator: Apply
    penalty_discriminator: Apply | None = None
    classifier: Apply | None = None


class Loss(Protocol):
    """Per-sample losses on logits ``[B]``; each player minimises its own.

    ``draw`` is what is drawn for the loss in each update of the discriminator, if it declares that. The generator's
    loss is given None for ``real`` unless it ``uses_real``. Where there is a method ``logs(discriminator's loss,
    generator's loss)``, what it returns is logged.
    """

    @property
    def discriminator(self) -> Callable[..., Tensor]:
        """``discriminator(real, fake, *draw) -> [B]``."""
        ...

    @property
    def generator(self) -> Callable[..., Tensor]:
        """``generator(real, fake) -> [B]``."""
        ...


class Stateful(Protocol):
    """A penalty or a noise with a state of its own, from one update of the discriminator to the next.

    The state is a tree of tensors, and ``update`` changes it by statistics of each batch: means over the batch, which
    are averaged over all processes first. A penalty is called as ``penalty(critic, real, fake, eps, aux_state)`` and
    returns the statistics beside its values; a noise has ``perturbation(aux_state)``, and ``look(real logits)``
    returns its statistics. ``logs(aux_state)``, where there is such a method, is logged.
    """

    def init(self, members: int, like: Tensor) -> Tensors: ...

    def update(self, aux_state: Tensors, batch_stats: Tensors) -> Tensors: ...


class StatefulNoise(Stateful, Protocol):
    """A noise with a state of its own."""

    def perturbation(self, aux_state: Tensors) -> Perturb:
        """Return the noise as it is at a state."""
        ...

    def look(self, real_logits: Tensor) -> Tensors:
        """Return the statistics of a batch."""
        ...


class Schedule(Protocol):
    """A number that depends on the iteration."""

    def __call__(self, t: Number) -> Tensor: ...

    def extremes(self) -> tuple[Number, ...]: ...
