import pytest
import torch

from steadygan.core.autodiff import AutogradBackend, FuncBackend, PenaltyCritic, input_gradient, logits_at

BACKENDS = [AutogradBackend(), FuncBackend()]


def critic_of(params):
    return lambda x: (torch.tanh(x @ params["w"]) * params["v"]).sum(-1)


@pytest.fixture
def params():
    source = torch.Generator().manual_seed(0)
    return {
        "w": torch.randn(3, 5, generator=source, dtype=torch.float64),
        "v": torch.randn(5, generator=source, dtype=torch.float64),
    }


@pytest.fixture
def x():
    return torch.randn(4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def closed_form(params, x):
    slope = 1 - torch.tanh(x @ params["w"]) ** 2
    return (slope * params["v"]) @ params["w"].T


@pytest.mark.parametrize("backend", BACKENDS, ids=["tape", "transform"])
def test_input_gradient_is_the_closed_form(backend, params, x):
    logits, gradient = input_gradient(PenaltyCritic(critic_of(params), backend.evaluation), x)
    torch.testing.assert_close(gradient, closed_form(params, x), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(logits, critic_of(params)(x), rtol=1e-12, atol=1e-12)


def test_both_backends_differentiate_a_penalty_by_the_parameters(params, x):
    def penalised(backend):
        def loss(own):
            critic = PenaltyCritic(critic_of(own), backend.evaluation)
            at = critic.at(x)
            value = at.logits.mean() + input_gradient(critic, at)[1].square().sum(-1).mean()
            return value, {"value": value}

        return backend.gradient(loss, params)

    def explicit(own):
        return critic_of(own)(x).mean() + closed_form(own, x).square().sum(-1).mean()

    leaves = {name: value.clone().requires_grad_() for name, value in params.items()}
    expected = torch.autograd.grad(explicit(leaves), list(leaves.values()))
    for backend in BACKENDS:
        grads, aux = penalised(backend)
        for name, value in zip(leaves, expected):
            torch.testing.assert_close(grads[name], value, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(aux["value"], explicit(params), rtol=1e-12, atol=0)
        assert not aux["value"].requires_grad


@pytest.mark.parametrize("backend", BACKENDS, ids=["tape", "transform"])
def test_an_evaluation_computes_its_batch_once(backend, params, x):
    calls = []

    def critic(batch):
        calls.append(batch)
        return critic_of(params)(batch)

    shared = PenaltyCritic(critic, backend.evaluation)
    at = shared.at(x)
    logits = at.logits
    input_gradient(shared, at)
    assert logits_at(shared, at) is logits
    assert len(calls) == 1
    shared(x)
    assert len(calls) == 2


def test_parameters_that_are_not_used_have_gradient_zero(params):
    grads, _ = AutogradBackend().gradient(lambda own: (own["v"].sum(), {}), params)
    assert torch.equal(grads["w"], torch.zeros_like(params["w"]))
    assert torch.equal(grads["v"], torch.ones_like(params["v"]))
