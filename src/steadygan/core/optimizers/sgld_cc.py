"""Stochastic gradient Langevin dynamics with covariance-controlled noise."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from steadygan.core.declare import signed_as
from steadygan.core.optimizers import gradient_noise
from steadygan.core.optimizers.controlled import Controlled
from steadygan.core.optimizers.langevin import one_of, root
from steadygan.core.scalars import scalar
from steadygan.core.types import Number, RuleState, Tensors


def _literal(step: Tensor, temperature: Tensor, covariance: Tensor) -> Tensor:
    return 2 * step * temperature * covariance


def _compensated(step: Tensor, temperature: Tensor, covariance: Tensor) -> Tensor:
    return (2 * step * temperature - step * step * covariance).clamp(min=0)


INTERPRETATIONS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "literal": _literal,
    "compensated": _compensated,
}
"""The variance of the injected noise from ``eps``, ``T`` and ``C``; of the matrices, eigenvalue by eigenvalue."""

SCALES: dict[str, Callable[["SgldCc"], Number]] = {
    "sample": lambda rule: rule.batch_size,
    "mean": lambda rule: 1.0,
    "sum": lambda rule: rule.num_data**2,
}
"""``C / I_t``: the covariance of one example's gradient, of the batch's mean gradient, of the gradient of ``U``."""


@signed_as("steadygan.core.rules.SgldCc")
@dataclass(frozen=True)
class SgldCc(Controlled):
    """SGLD with covariance control.

    ``theta <- theta - eps dU + N(0, W)`` with noise controlled by ``C``, the running mean of the covariance of the
    log-likelihood's gradients; ``dU`` is the gradient of ``U`` (see ``Langevin``).

    - ``literal``: ``W = 2 eps T C``, the equation as printed. It does not sample ``exp(-U/T)``: where ``U`` has
      curvature ``a`` and its gradient the noise variance ``s^2``, the variance is
      ``(T C + eps s^2 / 2) / (a (1 - eps a / 2))``.
    - ``compensated``: ``W = 2 eps T - eps^2 C``, not below 0. With ``scale=sum``, where ``C`` is the covariance of
      ``dU``, injected noise and gradient noise together are what SGLD injects, and the variance is that of SGLD without
      gradient noise, ``T / (a (1 - eps a / 2))``. Other scales take away too much or too little.

    By batch-to-batch differences ``C`` is 0 in the first step. ``T = 0`` is plain gradient descent. More settings in
    ``Controlled``.

    Attributes:
        interpretation: ``literal`` or ``compensated``.
        scale: ``sample``, ``mean`` or ``sum``: whose covariance ``C`` is.

    Raises:
        UserError: a word that is no choice.

    Reference: Ramakers et al. (undated), eq. 11.
    """

    interpretation: str = "literal"
    scale: str = "sample"

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("interpretation", self.interpretation, INTERPRETATIONS)
        one_of("scale", self.scale, SCALES)

    def init(self, params: Tensors) -> RuleState:
        """Return the state before the first gradient."""
        return self.begin(params)

    def update(
        self,
        params: Tensors,
        grads: Tensors,
        state: RuleState,
        noise: Tensors | None = None,
        grad_covariance: Tensors | None = None,
    ) -> tuple[Tensors, RuleState]:
        """See the class; ``noise`` is the normal draw, to be scaled, ``grad_covariance`` that of the examples."""
        assert noise is not None  # of a noisy rule
        like = next(iter(params.values()))
        step, temperature, factor = (
            scalar(n, like) for n in (self.step_size, self.temperature, SCALES[self.scale](self))
        )
        state, slope = self.observe(state, grads, grad_covariance), self.slope(params, grads)
        variance = INTERPRETATIONS[self.interpretation]
        shape = self.form.function(state["covariance"], lambda c: root(variance(step, temperature, factor * c)))
        injected = shape(noise)
        return {name: param - step * slope[name] + injected[name] for name, param in params.items()}, state

    def logs(self, state: RuleState) -> dict[str, Tensor]:
        """Return the root of the mean of ``C`` over all weights."""
        return {"noise_level": root(gradient_noise.mean_variance(state, self.covariance) * SCALES[self.scale](self))}
