"""A rule as a ``torch.optim.Optimizer``."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from steadygan.core import settings
from steadygan.core.types import RuleState, Tensors

if TYPE_CHECKING:
    from steadygan.core.optimizers.base import UpdateRule


class RuleOptimizer(torch.optim.Optimizer):
    """Keeps a rule's state and noise generator; all mathematics is the rule's.

    The rule's hyperparameters stand in the parameter group, where learning-rate schedulers find them. Those that are
    schedules are evaluated at the number of steps made. A parameter without a gradient keeps its value.

    Args:
        params: tensors, or pairs of a name and a tensor, which the rule then sees by these names. One group, as a rule
            moves all of a player's tensors together.
        rule: the update.
        seed: of the noise; ``.generator`` can be seeded again at any time.
    """

    def __init__(
        self, params: Iterable[Tensor] | Iterable[tuple[str, Tensor]], rule: "UpdateRule", *, seed: int = 0
    ) -> None:
        hyperparameters = {key: value for key, value in settings.fields(rule).items() if settings.is_number(value)}
        super().__init__(params, dict(hyperparameters))
        if len(self.param_groups) > 1:
            raise ValueError("a rule moves all tensors together: pass one group of parameters")
        self._rule = rule
        rule.check(self._leaves())
        self._hyperparameters = tuple(hyperparameters)
        self._steps = 0
        self._rule_state: RuleState | None = None
        self.generator = torch.Generator(self.param_groups[0]["params"][0].device).manual_seed(seed)

    @property
    def rule(self) -> "UpdateRule":
        """The rule with the hyperparameters that the parameter group has now."""
        group = self.param_groups[0]
        return settings.replace(self._rule, {key: group[key] for key in self._hyperparameters})

    @torch.no_grad()
    def step(  # pyright: ignore[reportIncompatibleMethodOverride] (torch's types have a closure return a float)
        self, closure: Callable[[], Tensor] | None = None, *, grad_covariance: Tensors | None = None
    ) -> Tensor | None:
        """One update from the parameters' ``.grad``; returns what ``closure`` returns.

        Args:
            closure: computes the gradients.
            grad_covariance: what ``rule.grad_covariance(samples, grads)`` gives, for a rule with ``per_sample``.

        Raises:
            ValueError: ``grad_covariance`` is missing, or the rule takes none.
        """
        if self._rule.per_sample and grad_covariance is None:
            raise ValueError(
                "this rule needs per-sample gradients: step(grad_covariance=rule.grad_covariance(samples, grads)), "
                "both dicts by name, samples [B, ...] as of torch.func.vmap(torch.func.grad(...)), grads their mean"
            )
        if grad_covariance is not None and not self._rule.per_sample:
            raise ValueError("this rule takes no covariance of per-sample gradients")
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        leaves = self._leaves()
        values = {name: leaf.detach() for name, leaf in leaves.items()}
        grads = {
            name: torch.zeros_like(leaf) if leaf.grad is None else leaf.grad.detach() for name, leaf in leaves.items()
        }
        rule = settings.at(self.rule, self._steps)
        if self._rule_state is None:
            self._rule_state = rule.init(values)
        more = {} if grad_covariance is None else {"grad_covariance": grad_covariance}
        values, self._rule_state = rule.update(values, grads, self._rule_state, self._noise(values), **more)
        self._steps += 1
        for name, leaf in leaves.items():
            if leaf.grad is not None:
                leaf.copy_(values[name])
        return loss

    def state_dict(self) -> RuleState:
        """Return all that the next step depends on beside the parameters; plain containers and tensors."""
        return {
            **super().state_dict(),
            "rule": self._rule_state,
            "steps": self._steps,
            "generator": self.generator.get_state(),
        }

    def load_state_dict(self, state_dict: RuleState) -> None:
        """Take up a ``state_dict``; the state's dtypes stay as they are (torch would cast them to the parameters')."""
        super().load_state_dict({key: state_dict[key] for key in ("state", "param_groups")})
        device = self.param_groups[0]["params"][0].device
        self._rule_state = tree_map(lambda value: value.to(device, copy=True), state_dict["rule"])
        self._steps = state_dict["steps"]
        self.generator.set_state(state_dict["generator"].cpu())

    def _leaves(self) -> Tensors:
        group = self.param_groups[0]
        names = group.get("param_names") or map(str, range(len(group["params"])))
        return dict(zip(names, group["params"]))

    def _noise(self, values: Tensors) -> Tensors | None:
        if not self._rule.noisy:
            return None
        device = self.generator.device
        return {
            name: torch.randn(value.shape, generator=self.generator, dtype=value.dtype, device=device).to(value.device)
            for name, value in values.items()
        }
