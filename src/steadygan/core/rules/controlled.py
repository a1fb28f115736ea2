"""What rules share that are controlled by the covariance of their gradients."""

from dataclasses import dataclass
from typing import Any, ClassVar

from steadygan.core.declare import count, declare
from steadygan.core.rules import gradient_noise
from steadygan.core.rules.covariance import FORMS, Form, check_size
from steadygan.core.rules.langevin import Langevin, one_of
from steadygan.core.types import Number, Tensors
from steadygan.errors import bad_value


@declare(batch_size=count)
@dataclass(frozen=True)
class Controlled(Langevin):
    """Langevin rules that estimate the covariance of the batch gradient (see ``gradient_noise``).

    Attributes:
        batch_size: how many examples the gradient is a mean of, over all processes.
        covariance: ``diagonal`` (one number for each weight), ``scalar`` (one for all) or ``full`` (the matrix, for
            small players).
        estimator: ``running`` (from batch to batch) or ``per_sample`` (from the gradients of a batch's examples).

    Raises:
        UserError: a word that is no choice, or a batch of one whose examples are to be compared.
    """

    clocks: ClassVar[tuple[str, ...]] = ("count",)

    batch_size: Number = 1.0
    covariance: str = "diagonal"
    estimator: str = "running"

    def __post_init__(self) -> None:
        one_of("covariance", self.covariance, FORMS)
        one_of("estimator", self.estimator, gradient_noise.ESTIMATORS)
        if self.per_sample and isinstance(self.batch_size, int | float) and self.batch_size < 2:
            raise bad_value("batch_size", self.batch_size, "estimator=per_sample needs at least 2 examples a batch")

    @property
    def per_sample(self) -> bool:
        """Whether ``update`` wants the ``spread`` of the examples' gradients."""
        return self.estimator == "per_sample"

    @property
    def form(self) -> Form:
        """How the covariance is kept."""
        return FORMS[self.covariance]

    def check(self, params: Tensors) -> None:
        """Refuse a player whose full covariance would be too large."""
        check_size(self.covariance, params)

    def spread(self, samples: Tensors, grads: Tensors) -> Tensors:
        """The mean of ``(g_i - g)(g_i - g)^T`` over examples ``[B, ...]``, in the form that is kept; ``grads`` is the
        mean over the batches of all processes, and so is the mean of their spreads."""
        return self.form.spread(samples, grads)

    def begin(self, params: Tensors) -> dict[str, Any]:
        """Nothing estimated."""
        return gradient_noise.begin(params, self.covariance, self.estimator)

    def observe(self, state: dict[str, Any], grads: Tensors, spread: Tensors | None) -> dict[str, Any]:
        """The estimate with one more batch.

        Raises:
            ValueError: the ``spread`` is missing that the estimator asks for.
        """
        if not self.per_sample:
            return gradient_noise.observe(state, grads, self.covariance)
        if spread is None:
            raise ValueError("estimator=per_sample needs the spread of the examples' gradients")
        return gradient_noise.observe_samples(state, spread, self.batch_size)
