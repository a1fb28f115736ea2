"""Spectral normalisation against the SVD and against torch's parametrization."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call, grad, vmap
from torch.nn.utils.parametrizations import spectral_norm

from steadygan.networks.layers.spectral import SpectralConv2d, SpectralLinear, spectral_value

LAYERS = {
    "linear": (lambda: SpectralLinear(6, 4).double(), (3, 6)),
    "convolution": (lambda: SpectralConv2d(2, 3, 4, 2, 1).double(), (3, 2, 8, 8)),
}


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(params=LAYERS)
def layer_and_input(request):
    make, shape = LAYERS[request.param]
    layer = make()
    nn.init.normal_(layer.weight, generator=torch.Generator().manual_seed(1))  # u is not of this weight any more
    return layer, draw(*shape)


def test_converges_to_the_largest_singular_value(layer_and_input):
    layer, x = layer_and_input
    layer.u = draw(layer.weight.shape[0], seed=3)
    for _ in range(300):
        layer(x)
    sigma, _ = spectral_value(layer.weight.flatten(1), layer.u)
    expected = torch.linalg.svdvals(layer.weight.flatten(1))[0]
    torch.testing.assert_close(sigma, expected, rtol=1e-10, atol=0)
    torch.testing.assert_close(torch.linalg.svdvals(layer.normalised_weight().flatten(1))[0].item(), 1.0)


def test_one_iteration_by_hand():
    matrix = torch.diag(torch.tensor([2.0, 1.0], dtype=torch.float64))
    sigma, u = spectral_value(matrix, torch.ones(2, dtype=torch.float64))
    # v = (2, 1) / sqrt 5; W v = (4, 1) / sqrt 5, of length sqrt(17 / 5)
    assert sigma.item() == pytest.approx((17 / 5) ** 0.5)
    assert u.tolist() == pytest.approx([4 / 17**0.5, 1 / 17**0.5])


def test_gradient_holds_the_vectors_constant():
    matrix, u = draw(3, 4), draw(3, seed=1)
    gradient = grad(lambda matrix: spectral_value(matrix, u)[0])(matrix)
    v = F.normalize(matrix.T @ u, dim=0)
    torch.testing.assert_close(gradient, torch.outer(spectral_value(matrix, u)[1], v))


def test_output_and_gradients_are_torchs_with_the_same_vectors(layer_and_input):
    layer, x = layer_and_input
    plain = nn.Linear(6, 4) if isinstance(layer, SpectralLinear) else nn.Conv2d(2, 3, 4, 2, 1)
    plain.double().load_state_dict({"weight": layer.weight, "bias": layer.bias})
    torchs = spectral_norm(plain, n_power_iterations=1).eval()
    vectors = torchs.parametrizations.weight[0]
    layer.u = draw(layer.weight.shape[0], seed=7)
    matrix = layer.weight.detach().flatten(1)
    vectors._v.copy_(F.normalize(matrix.T @ layer.u, dim=0))
    vectors._u.copy_(F.normalize(matrix @ vectors._v, dim=0))

    ours, theirs = layer(x), torchs(x)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(layer.u, vectors._u)
    (ours_gradient,) = torch.autograd.grad(ours.pow(2).sum(), layer.weight)
    (theirs_gradient,) = torch.autograd.grad(theirs.pow(2).sum(), torchs.parametrizations.weight.original)
    torch.testing.assert_close(ours_gradient, theirs_gradient, rtol=1e-10, atol=1e-12)


def test_evaluation_keeps_u_and_forgets_its_length(layer_and_input):
    layer, x = layer_and_input
    layer.eval()
    u = layer.u
    out = layer(x)
    assert layer.u is u
    layer.u = 0.5 * u
    torch.testing.assert_close(layer(x), out, rtol=1e-12, atol=1e-12)


def test_gradients_in_the_input_and_the_bias(layer_and_input):
    layer, x = layer_and_input
    layer.eval()

    def call(x, bias):
        return functional_call(layer, {"bias": bias}, (x,))

    inputs = [x.requires_grad_(), layer.bias.detach().clone().requires_grad_()]
    assert torch.autograd.gradcheck(call, inputs)
    assert torch.autograd.gradgradcheck(call, inputs)


def test_second_order_gradient_in_the_weight(layer_and_input):
    """R1's, against the same with W / (u^T W v) written out and the vectors fixed by hand."""
    layer, x = layer_and_input
    layer.eval()
    nn.init.zeros_(layer.bias)
    matrix = layer.weight.detach().flatten(1)
    v = F.normalize(matrix.T @ layer.u, dim=0)
    u = F.normalize(matrix @ v, dim=0)

    def by_layer(weight, x):
        return functional_call(layer, {"weight": weight}, (x,))

    def by_hand(weight, x):
        weight = weight / (u @ weight.flatten(1) @ v)
        return F.linear(x, weight) if x.ndim == 2 else F.conv2d(x, weight, stride=2, padding=1)

    def penalty_gradient(call):
        def penalty(weight):
            return grad(lambda x: call(weight, x).pow(2).sum())(x).square().sum()

        return grad(penalty)(layer.weight.detach())

    torch.testing.assert_close(penalty_gradient(by_layer), penalty_gradient(by_hand), rtol=1e-10, atol=1e-10)


def test_u_comes_back_in_the_dict_alone_and_under_vmap(layer_and_input):
    layer, x = layer_and_input
    weights = torch.stack([layer.weight.detach(), draw(*layer.weight.shape, seed=5)])
    us = draw(2, layer.weight.shape[0], seed=6)

    def after(weight, u):
        state = {"weight": weight, "u": u}
        functional_call(layer, state, (x,))
        return state["u"]

    old, kept = us.clone(), layer.u
    expected = torch.stack([spectral_value(w.flatten(1), u)[1] for w, u in zip(weights, us)])
    torch.testing.assert_close(after(weights[0], us[0]), expected[0])
    torch.testing.assert_close(vmap(after)(weights, us), expected)
    assert torch.equal(us, old)
    assert layer.u is kept


def test_restart_is_the_singular_vector(layer_and_input):
    layer, _ = layer_and_input
    nn.init.normal_(layer.weight)
    layer.restart()
    expected = torch.linalg.svd(layer.weight.flatten(1)).U[:, 0]
    torch.testing.assert_close(layer.u * torch.sign(layer.u @ expected), expected)
