"""The base class of rules that are controlled by the covariance of their gradients."""

from dataclasses import dataclass
from typing import ClassVar

from steadygan.common.errors import bad_value
from steadygan.core.declare import count, declare
from steadygan.core.optimizers import gradient_noise
from steadygan.core.optimizers.covariance import FORMS, Form, check_size
from steadygan.core.optimizers.langevin import Langevin, one_of
from steadygan.core.types import Number, RuleState, Tensors


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

    counters: ClassVar[tuple[str, ...]] = ("count",)

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
        """Whether ``update`` takes the covariance of the examples' gradients."""
        return self.estimator == "per_sample"

    @property
    def form(self) -> Form:
        """The form of the covariance."""
        return FORMS[self.covariance]

    def check(self, params: Tensors) -> None:
        """Refuse a player whose full covariance would be too large."""
        check_size(self.covariance, params)

    def grad_covariance(self, samples: Tensors, grads: Tensors) -> Tensors:
        """Return the mean of ``(g_i - g)(g_i - g)^T`` over examples ``[B, ...]``, in the form ``covariance``.

        ``grads`` is the mean over the batches of all processes, and the mean of their covariances is that of all.
        """
        return self.form.grad_covariance(samples, grads)

    def begin(self, params: Tensors) -> RuleState:
        """Return the state before the first estimate."""
        return gradient_noise.begin(params, self.covariance, self.estimator)

    def observe(self, state: RuleState, grads: Tensors, grad_covariance: Tensors | None) -> RuleState:
        """Return the estimate with one more batch.

        Raises:
            ValueError: the ``grad_covariance`` is missing that the estimator asks for.
        """
        if not self.per_sample:
            return gradient_noise.observe(state, grads, self.covariance)
        if grad_covariance is None:
            raise ValueError("estimator=per_sample needs the covariance of the examples' gradients")
        return gradient_noise.observe_samples(state, grad_covariance, self.batch_size)
