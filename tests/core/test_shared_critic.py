"""A critic that a loss and its penalties share is computed once for each batch, whoever takes the gradients."""

import pytest
import torch

from steadygan.core.autodiff import AutogradBackend, FuncBackend, PenaltyCritic, input_gradient


@pytest.mark.parametrize("backend", [AutogradBackend(), FuncBackend()], ids=["tape", "transform"])
def test_logits_are_shared(backend):
    """One pass for the loss and two penalties on the same batch; gradients by hand: d/dw of 2 w x and of (2 w x)^2."""
    passes = []
    x = torch.tensor([[1.0], [3.0]], dtype=torch.float64)

    def loss(params):
        passes.clear()
        critic = lambda x: (passes.append(1) or params["w"] * x.square()).squeeze(1)  # noqa: E731
        at = PenaltyCritic(critic, backend.evaluation).at(x)
        logits = at.logits
        again, gradient = input_gradient(critic, at)
        _, once_more = input_gradient(critic, at)
        assert again is logits
        penalty = gradient.square().sum(1) + once_more.square().sum(1)
        return (logits + penalty).sum(), {}

    grads, _ = backend.gradient(loss, {"w": torch.tensor(0.5, dtype=torch.float64)})
    assert len(passes) == 1
    # loss = sum w x^2 + 2 (2 w x)^2, so its slope is sum x^2 + 16 w x^2 = 10 + 16 * 0.5 * 10
    torch.testing.assert_close(grads["w"], torch.tensor(90.0, dtype=torch.float64))
