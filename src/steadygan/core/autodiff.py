"""The one place that knows ``torch.autograd`` from ``torch.func``.

``AutogradBackend`` takes gradients with ``torch.autograd.grad``: the fastest way in eager mode. ``FuncBackend`` takes
them with ``torch.func``: the way that works under ``torch.func.vmap`` and in one compiled graph. Both give the same
numbers.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from steadygan.core.diagnostics import flat
from steadygan.core.types import Critic, Tensors

A = TypeVar("A")

Samples: TypeAlias = "Tensor | Evaluation"
"""Samples ``[B, ...]``, or what a critic says of them."""


class Evaluation:
    """A critic at samples ``[B, ...]``: its logits and their slopes, computed when first asked for.

    Penalties that are declared with ``evaluated=True`` are given the real and the fake batch in this form, with the
    logits that the loss has computed. Differentiates by ``torch.func``: a penalty pulls these logits back.
    """

    def __init__(self, critic: Critic, samples: Tensor) -> None:
        self.critic, self.samples = critic, samples
        self._computed: tuple[Tensor, Callable[[Tensor], tuple[Tensor, ...]]] | None = None

    def _vjp(self) -> tuple[Tensor, Callable[[Tensor], tuple[Tensor, ...]]]:
        if self._computed is None:
            self._computed = torch.func.vjp(self.critic, self.samples)[:2]
        return self._computed

    @property
    def logits(self) -> Tensor:
        """The logits ``[B]``."""
        return self._vjp()[0]

    def input_gradient(self) -> Tensor:
        """Return the gradient of each sample's own logit, like the samples, differentiable again."""
        logits, pullback = self._vjp()
        return pullback(torch.ones_like(logits))[0]


class AutogradEvaluation(Evaluation):
    """An evaluation that is differentiated by ``torch.autograd.grad``."""

    def __init__(self, critic: Critic, samples: Tensor) -> None:
        super().__init__(critic, _leaf(samples))
        self._logits: Tensor | None = None

    @property
    def logits(self) -> Tensor:
        """The logits ``[B]``."""
        if self._logits is None:
            self._logits = self.critic(self.samples)
        return self._logits

    def input_gradient(self) -> Tensor:
        """Return the gradient of each sample's own logit, like the samples, differentiable again."""
        return torch.autograd.grad(self.logits.sum(), self.samples, create_graph=True)[0]


@dataclass(frozen=True)
class PenaltyCritic:
    """A critic that a penalty differentiates, and how."""

    critic: Critic
    evaluation: type[Evaluation] = Evaluation

    def __call__(self, x: Tensor) -> Tensor:
        return self.critic(x)

    def at(self, samples: Tensor) -> Evaluation:
        """Return the evaluation at samples."""
        return self.evaluation(self.critic, samples)


def evaluate(critic: Critic, x: Samples) -> Evaluation:
    """Return the critic at samples ``x``, which may be evaluated already."""
    if isinstance(x, Evaluation):
        return x
    return critic.at(x) if isinstance(critic, PenaltyCritic) else Evaluation(critic, x)


def logits_at(critic: Critic, x: Samples) -> Tensor:
    """Return the critic's logits at samples, those that are known already if they are."""
    return x.logits if isinstance(x, Evaluation) else critic(x)


def tensor(x: Samples) -> Tensor:
    """Return the samples themselves."""
    return x.samples if isinstance(x, Evaluation) else x


def input_gradient(critic: Critic, x: Samples) -> tuple[Tensor, Tensor]:
    """Return the logits ``[B]`` and their gradients by ``x`` (like ``x``), differentiable again.

    Each sample's gradient is that of its own logit, as long as the critic treats samples one by one (no batch
    normalisation).
    """
    at = evaluate(critic, x)
    return at.logits, at.input_gradient()


class Backend(Protocol):
    """How gradients are taken; ``evaluation`` is how a penalty differentiates a critic."""

    evaluation: type[Evaluation]

    def gradient(self, loss: Callable[[Tensors], tuple[Tensor, A]], params: Tensors) -> tuple[Tensors, A]:
        """Return the gradient of a scalar ``loss(params) -> (loss, aux)`` and its ``aux``, detached."""
        ...

    def nested(self) -> "Backend":
        """Return the backend for gradients inside of a loss: they can be differentiated again."""
        ...

    def parts(self, tensors: Iterable[Tensor]) -> list[Tensor]:
        """Return a vector in parts, for sums over all of it: in as few as pays."""
        ...


@contextmanager
def forward_mode() -> Iterator[None]:
    """Call ``torch.func.jvp`` and ``jacfwd`` without torch's warning about itself at the first call."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, module="torch")
        yield


def per_sample_gradients(loss: Callable[[Tensors, A], Tensor], params: Tensors, examples: A) -> Tensors:
    """Return the gradient ``[B, ...]`` of ``loss(params, batch)`` on each example as a batch of one.

    By ``torch.func``, in eager mode and under ``vmap`` alike: whatever ``loss`` differentiates itself has to be done
    by ``FuncBackend``.

    Args:
        loss: a scalar.
        params: the gradient is by these.
        examples: a tree of tensors ``[B, ...]``; what is no tensor is handed on as it is.
    """
    leaves, shape = tree_flatten(examples)
    tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]

    def of_one(params: Tensors, one: list[Tensor]) -> Tensor:
        remaining = iter(one)
        batch = [next(remaining)[None] if isinstance(leaf, Tensor) else leaf for leaf in leaves]
        return loss(params, tree_unflatten(batch, shape))

    return torch.func.vmap(torch.func.grad(of_one), in_dims=(None, 0))(params, tensors)


class AutogradBackend:
    """Gradients by ``torch.autograd.grad``."""

    evaluation: type[Evaluation] = AutogradEvaluation

    def gradient(self, loss: Callable[[Tensors], tuple[Tensor, A]], params: Tensors) -> tuple[Tensors, A]:
        leaves = {name: value.detach().requires_grad_() for name, value in params.items()}
        with torch.enable_grad():
            value, aux = loss(leaves)
            grads = torch.autograd.grad(value, list(leaves.values()), allow_unused=True, materialize_grads=True)
        return dict(zip(leaves, grads)), tree_map(lambda t: t.detach() if isinstance(t, Tensor) else t, aux)

    def nested(self) -> "NestedAutogradBackend":
        return NestedAutogradBackend()

    def parts(self, tensors: Iterable[Tensor]) -> list[Tensor]:
        return [flat(tensors)]  # each operation costs its launch


class NestedAutogradBackend(AutogradBackend):
    """Gradients that remember what they were computed from, and may be taken by what was computed before."""

    def gradient(self, loss: Callable[[Tensors], tuple[Tensor, A]], params: Tensors) -> tuple[Tensors, A]:
        leaves = {name: _leaf(value) for name, value in params.items()}
        value, aux = loss(leaves)
        grads = torch.autograd.grad(
            value, list(leaves.values()), create_graph=True, allow_unused=True, materialize_grads=True
        )
        return dict(zip(leaves, grads)), aux


class FuncBackend:
    """Gradients by ``torch.func``."""

    evaluation: type[Evaluation] = Evaluation

    def gradient(self, loss: Callable[[Tensors], tuple[Tensor, A]], params: Tensors) -> tuple[Tensors, A]:
        return torch.func.grad(loss, has_aux=True)(params)

    def nested(self) -> "FuncBackend":
        return self

    def parts(self, tensors: Iterable[Tensor]) -> list[Tensor]:
        return list(tensors)  # which compiled programs sum up where they make them


def _leaf(x: Tensor) -> Tensor:
    return x if x.requires_grad else x.detach().requires_grad_()
