"""The base class of update rules."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from torch import Tensor

from steadygan.core.optimizers.shell import RuleOptimizer
from steadygan.core.types import Number, RuleState, Tensors


class UpdateRule(ABC):
    """Update one player's tensors by a pure function; subclasses are frozen dataclasses of its hyperparameters.

    These may be 0-dim tensors (best float64: a float32 ``beta2`` has lost digits of ``1 - beta2``). Nothing is
    changed in place, and all operations work under ``torch.func.vmap`` and can be differentiated through.
    """

    noisy: ClassVar[bool] = False
    """Whether ``update`` wants noise: N(0, 1) like the parameters."""

    counters: ClassVar[tuple[str, ...]] = ()
    """Keys of the state that count updates; they are held where an update is linearised."""

    @property
    def per_sample(self) -> bool:
        """Whether ``update`` takes ``grad_covariance=``: what the method of that name returns."""
        return False

    def check(self, params: Tensors) -> None:  # noqa: B027 (most rules move any player)
        """Raise a ``UserError`` for a player that the rule cannot move."""

    def init(self, params: Tensors) -> RuleState:
        """Return the state before the first update: a tree of dicts of tensors."""
        return {}

    @abstractmethod
    def update(
        self, params: Tensors, grads: Tensors, state: RuleState, noise: Tensors | None = None
    ) -> tuple[Tensors, RuleState]:
        """Return the new parameters and the new state; ``grads`` are of what the player minimises."""

    def grad_covariance(self, samples: Tensors, grads: Tensors) -> Tensors:
        """Return the covariance of the examples' gradients ``samples [B, ...]``, whose mean is ``grads``."""
        raise NotImplementedError("this rule takes no covariance of per-sample gradients")

    @classmethod
    def optimizer(
        cls, params: Iterable[Tensor] | Iterable[tuple[str, Tensor]], *, seed: int = 0, **hyperparameters: Number
    ) -> RuleOptimizer:
        """Return a ``torch.optim.Optimizer`` that applies this rule with these hyperparameters."""
        return RuleOptimizer(params, cls(**hyperparameters), seed=seed)
