"""The perceptrons against matrix products and hand-counted sizes."""

import pytest
import torch
from torch.func import functional_call

from steadygan.common.errors import UserError
from steadygan.networks.mlp import Discriminator, Generator


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def count(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_sizes_by_hand():
    # 16 -> 128 -> 128 -> 128 -> 2 and 2 -> 128 -> 128 -> 128 -> 1
    assert count(Generator((2,), latent=16, width=128, depth=4)) == 17 * 128 + 2 * 129 * 128 + 129 * 2
    assert count(Discriminator((2,), width=128, depth=4)) == 3 * 128 + 2 * 129 * 128 + 129
    assert count(Generator((1, 8, 8), latent=3, width=5, depth=2)) == 4 * 5 + 6 * 64
    assert count(Discriminator((2,), width=7, depth=1)) == 3


@pytest.mark.parametrize(
    ("activation", "function"),
    [
        ("relu", lambda x: x.clamp(min=0)),
        ("leaky_relu", lambda x: torch.where(x > 0, x, 0.2 * x)),
        ("tanh", lambda x: 2 / (1 + torch.exp(-2 * x)) - 1),
        ("silu", lambda x: x / (1 + torch.exp(-x))),
        ("softplus", lambda x: torch.log(1 + torch.exp(x))),
    ],
)
def test_forward_is_the_chain_of_products(activation, function):
    generator = Generator((2,), latent=3, width=5, depth=3, activation=activation).double()
    discriminator = Discriminator((2,), width=5, depth=3, activation=activation).double()
    for network, x in ((generator, draw(4, 3)), (discriminator, draw(4, 2))):
        a, b, c = network.layers
        hidden = function(function(x @ a.weight.T + a.bias) @ b.weight.T + b.bias)
        expected = hidden @ c.weight.T + c.bias
        torch.testing.assert_close(network(x), expected.squeeze(1) if network is discriminator else expected)


def test_images_are_tanh_and_reshaped():
    generator = Generator((2, 3, 4), latent=3, width=5, depth=1).double()
    z = draw(6, 3)
    layer = generator.layers[0]
    expected = torch.tanh(z @ layer.weight.T + layer.bias).reshape(6, 2, 3, 4)
    torch.testing.assert_close(generator(z), expected)
    discriminator = Discriminator((2, 3, 4), width=5, depth=1).double()
    layer = discriminator.layers[0]
    expected_logits = expected.reshape(6, 24) @ layer.weight[0] + layer.bias
    torch.testing.assert_close(discriminator(expected), expected_logits)


def test_spectral_norm_bounds_the_slope():
    """With every layer of norm 1 and ReLU, |D(x) - D(y)| <= |x - y|; the plain network breaks that."""
    plain, spectral = (Discriminator((2,), width=16, spectral_norm=s).double() for s in (False, True))
    with torch.no_grad():
        for network in (plain, spectral):
            for layer in network.layers:
                layer.weight.mul_(10)
    x, y = draw(200, 2), draw(400, 2)[200:]
    for _ in range(200):
        spectral(x)
    slope = {n: ((n(x) - n(y)).abs() / (x - y).norm(dim=1)).max().item() for n in (plain, spectral)}
    assert slope[spectral] <= 1 + 1e-6
    assert slope[plain] > 1


@pytest.mark.parametrize("key", ["latent", "width", "depth"])
@pytest.mark.parametrize("value", [0, -1, 2.5, True, "4", None])
def test_sizes_that_cannot_be(key, value):
    with pytest.raises(UserError, match=rf"network\.{key}={value}: must be a whole number of at least 1"):
        Generator((2,), **{key: value})


def test_unknown_activation_names_the_choices():
    with pytest.raises(UserError, match=r"network\.activation=rellu(.|\n)*leaky_relu(.|\n)*Did you mean 'relu'"):
        Discriminator((2,), activation="rellu")


def test_same_global_seed_same_network():
    networks = []
    for seed in (0, 0, 1):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            networks.append(Discriminator((2,), spectral_norm=True).state_dict())
    assert all(torch.equal(networks[0][k], networks[1][k]) for k in networks[0])
    assert not torch.equal(networks[0]["layers.0.weight"], networks[2]["layers.0.weight"])


def test_functional_call_uses_what_it_is_given():
    network = Discriminator((2,)).double()
    state = {k: torch.zeros_like(v) for k, v in network.named_parameters()}
    state["layers.3.bias"] += 2.5
    assert functional_call(network, state, (draw(3, 2),)).tolist() == [2.5] * 3
