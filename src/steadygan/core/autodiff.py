"""The one place that knows ``torch.autograd`` from ``torch.func``.

``AutogradBackend`` takes gradients with ``torch.autograd.grad``: the fastest way in eager mode. ``FuncBackend`` takes
them with ``torch.func``: the way that works under ``torch.func.vmap`` and in one compiled graph. Both give the same
numbers.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from steadygan.core.diagnostics import flat
from steadygan.core.types import Critic, Tensors

LossAndAux = Callable[[Tensors], tuple[Tensor, Any]]


class Backend(Protocol):
    """How gradients are taken."""

    def gradient(self, loss: LossAndAux, params: Tensors) -> tuple[Tensors, Any]:
        """Return the gradient of a scalar ``loss(params) -> (loss, aux)`` and its ``aux``, detached."""

    def nested(self) -> "Backend":
        """Return the backend for gradients inside of a loss: they can be differentiated again."""

    def watch(self, x: Tensor) -> Tensor:
        """Prepare inputs that a penalty will differentiate by."""

    def critic(self, critic: Critic) -> Critic:
        """Prepare a critic that a penalty will differentiate."""

    def parts(self, tensors: Iterable[Tensor]) -> list[Tensor]:
        """Return a vector in parts, for sums over all of it: in as few as pays."""


def input_gradient(critic: Critic, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits ``[B]`` and their gradients by ``x`` (like ``x``), differentiable again.

    Each sample's gradient is that of its own logit, as long as the critic treats samples one by one (no batch
    normalisation).
    """
    if isinstance(critic, SharedCritic | PulledBackCritic):
        return critic.input_gradient(x)
    logits, pullback = torch.func.vjp(critic, x)
    return logits, pullback(torch.ones_like(logits))[0]


@contextmanager
def forward_mode() -> Iterator[None]:
    """In which ``torch.func.jvp`` and ``jacfwd`` are called: torch's warning about itself at the first one is not of
    interest."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, module="torch")
        yield


def per_sample_gradients(loss: Callable[[Tensors, Any], Tensor], params: Tensors, examples: Any) -> Tensors:
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


class SharedCritic:
    """A critic that computes its logits once for each watched batch, so that a loss and its penalties share them."""

    def __init__(self, critic: Critic):
        self._critic = critic
        self._computed: list[tuple[Tensor, Tensor]] = []

    def __call__(self, x: Tensor) -> Tensor:
        for point, logits in self._computed:
            if point is x:
                return logits
        logits = self._critic(x)
        self._computed.append((x, logits))
        return logits

    def input_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if not x.requires_grad:
            x = x.detach().requires_grad_()
        logits = self(x)
        return logits, torch.autograd.grad(logits.sum(), x, create_graph=True)[0]


class PulledBackCritic:
    """A shared critic by ``torch.func``: a penalty pulls back the logits that the loss has computed."""

    def __init__(self, critic: Critic):
        self._critic = critic
        self._computed: list[tuple[Tensor, Tensor, Callable]] = []

    def __call__(self, x: Tensor) -> Tensor:
        return self._at(x)[0]

    def input_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        logits, pullback = self._at(x)
        return logits, pullback(torch.ones_like(logits))[0]

    def _at(self, x: Tensor) -> tuple[Tensor, Callable]:
        for point, logits, pullback in self._computed:
            if point is x:
                return logits, pullback
        logits, pullback = torch.func.vjp(self._critic, x)
        self._computed.append((x, logits, pullback))
        return logits, pullback


class AutogradBackend:
    """Gradients by ``torch.autograd.grad``."""

    def gradient(self, loss: LossAndAux, params: Tensors) -> tuple[Tensors, Any]:
        leaves = {name: value.detach().requires_grad_() for name, value in params.items()}
        with torch.enable_grad():
            value, aux = loss(leaves)
            grads = torch.autograd.grad(value, list(leaves.values()), allow_unused=True, materialize_grads=True)
        return dict(zip(leaves, grads)), tree_map(lambda t: t.detach() if isinstance(t, Tensor) else t, aux)

    def nested(self) -> "NestedAutogradBackend":
        return NestedAutogradBackend()

    def watch(self, x: Tensor) -> Tensor:
        return x if x.requires_grad else x.detach().requires_grad_()

    def critic(self, critic: Critic) -> Critic:
        return SharedCritic(critic)

    def parts(self, tensors: Iterable[Tensor]) -> list[Tensor]:
        return [flat(tensors)]  # each operation costs its launch


class NestedAutogradBackend(AutogradBackend):
    """Gradients that remember what they were computed from, and may be taken by what was computed before."""

    def gradient(self, loss: LossAndAux, params: Tensors) -> tuple[Tensors, Any]:
        leaves = {name: self.watch(value) for name, value in params.items()}
        value, aux = loss(leaves)
        grads = torch.autograd.grad(
            value, list(leaves.values()), create_graph=True, allow_unused=True, materialize_grads=True
        )
        return dict(zip(leaves, grads)), aux


class FuncBackend:
    """Gradients by ``torch.func``."""

    def gradient(self, loss: LossAndAux, params: Tensors) -> tuple[Tensors, Any]:
        return torch.func.grad(loss, has_aux=True)(params)

    def nested(self) -> "FuncBackend":
        return self

    def watch(self, x: Tensor) -> Tensor:
        return x

    def critic(self, critic: Critic) -> Critic:
        return PulledBackCritic(critic)

    def parts(self, tensors: Iterable[Tensor]) -> list[Tensor]:
        return list(tensors)  # which compiled programs sum up where they make them
