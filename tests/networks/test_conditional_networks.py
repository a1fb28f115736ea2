"""Conditional networks against the same network on inputs that were put together by hand."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from steadygan.common.errors import UserError
from steadygan.core.labels import one_hot
from steadygan.networks import dcgan, mlp
from steadygan.networks.codes import OneHot
from steadygan.networks.labels import Conditional, SemiSupervised, Unlabelled
from steadygan.networks.labels.base import check_range
from steadygan.training.functional import functional, tensors

LABEL = torch.tensor([2, 0, 1, 2])
FAMILIES = {
    "vectors": ((2,), mlp, {"width": 5, "depth": 3}),
    "flattened": ((1, 8, 8), mlp, {"width": 5, "depth": 2}),
    "convolutions": ((1, 8, 8), dcgan, {"width": 2}),
}


def draw(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def networks(family, how, classes=3, all_given=True, **keys):
    """Both players, double and in evaluation mode."""
    shape, module, sizes = FAMILIES[family]
    builders = {
        "generator": partial(module.Generator, latent=4, **sizes),
        "discriminator": partial(module.Discriminator, **sizes, **keys),
    }
    made = Conditional(how=how, dim=6).builders(builders, classes, all_given)
    return shape, *(made[player](shape=shape).double().eval() for player in ("generator", "discriminator"))


def code_of(network, label):
    """What the network is told: one-hot vectors, or rows of its table."""
    if isinstance(network.code, OneHot):
        return F.one_hot(label, network.code.size).double()
    return network.code.weight[label]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("how", ["concatenate", "embedding"])
def test_codes_stand_beside_what_the_networks_see(family, how):
    shape, generator, discriminator = networks(family, how)
    z, x = draw(4, 4), draw(4, *shape)
    assert (generator.latent, generator.classes) == (4, 3)
    torch.testing.assert_close(generator(z, LABEL), generator.inner(torch.cat([z, code_of(generator, LABEL)], 1)))
    code = code_of(discriminator, LABEL)
    if family == "convolutions":
        planes = torch.ones(4, code.shape[1], 8, 8).double() * code[:, :, None, None]
        seen = torch.cat([x, planes], 1)
    else:
        seen = torch.cat([x.reshape(4, -1), code], 1)
    torch.testing.assert_close(discriminator(x, LABEL), discriminator.inner(seen))
    assert discriminator(x, LABEL).shape == (4,)
    for network, given in ((generator, z), (discriminator, x)):
        assert not torch.allclose(network(given, LABEL), network(given, LABEL.flip(0)))


def test_one_hot_codes_of_a_single_layer_are_a_bias_a_class():
    """W [x, e_c] + b = W_x x + (b + W_c): by hand."""
    builders = {"generator": partial(mlp.Generator, latent=4), "discriminator": partial(mlp.Discriminator, depth=1)}
    network = Conditional().builders(builders, 3, True)["discriminator"](shape=(2,)).double()
    (layer,) = network.inner.layers
    x = draw(4, 2)
    expected = x @ layer.weight[0, :2] + layer.bias + layer.weight[0, 2:][LABEL]
    torch.testing.assert_close(network(x, LABEL), expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_projection_by_hand(family):
    shape, _, discriminator = networks(family, "projection")
    x, inner = draw(4, *shape), discriminator.inner
    if family == "convolutions":
        features = inner.layers(x).flatten(1)
    else:
        features = x.flatten(1)
        for layer in inner.layers[:-1]:
            features = layer(features).relu()
    rows = discriminator.embedding.weight.T  # a row a class
    expected = inner(x) + torch.stack([rows[c] @ h for c, h in zip(LABEL, features)])
    torch.testing.assert_close(discriminator(x, LABEL), expected)


def test_the_projection_has_the_spectral_norm_of_the_other_layers():
    _, _, discriminator = networks("vectors", "projection", spectral_norm=True)
    with torch.no_grad():
        discriminator.embedding.weight.mul_(100)
        discriminator.train()
        for _ in range(100):
            discriminator(draw(4, 2), LABEL)
    normalised = discriminator.embedding.normalised_weight()
    torch.testing.assert_close(torch.linalg.matrix_norm(normalised, 2), torch.tensor(1.0).double())


def test_an_unknown_class_has_a_place_only_where_labels_are_missing():
    for all_given, places in ((True, 3), (False, 4)):
        for how in ("concatenate", "embedding", "projection"):
            _, generator, discriminator = networks("vectors", how, all_given=all_given)
            assert generator.classes == 3
            size = {"concatenate": places + 4, "embedding": 6 + 4, "projection": 6 + 4}[how]
            assert generator.inner.layers[0].in_features == size
            if how == "projection":
                assert discriminator.embedding.in_features == places
            elif how == "embedding":
                assert discriminator.code.weight.shape == (places, 6)


@pytest.mark.parametrize("how", ["concatenate", "embedding", "projection"])
def test_vmap_equals_the_loop(how):
    """Over networks and labels at once, gradients by all parameters included."""
    members = [networks("vectors", how)[2] for _ in range(3)]
    call = functional(members[0])
    params = [tensors(member)[0] for member in members]
    stacked = {name: torch.stack([own[name] for own in params]) for name in params[0]}
    labels, x = torch.stack([LABEL, LABEL.flip(0), LABEL.roll(1)]), draw(3, 4, 2)
    grad = torch.func.grad(lambda p, x, c: call(p, {}, x, c)[0].square().mean())
    together = torch.func.vmap(grad)(stacked, x, labels)
    for place, own in enumerate(params):
        for name, value in grad(own, x[place], labels[place]).items():
            torch.testing.assert_close(together[name][place], value)
            assert value.abs().max() > 0


@pytest.mark.parametrize("family", FAMILIES)
def test_a_discriminator_that_tells_classes(family):
    shape, module, sizes = FAMILIES[family]
    method, builder = SemiSupervised(), partial(module.Discriminator, **sizes)
    builders = {"generator": "as it was", "discriminator": builder}
    made = method.builders(builders, 3, True)
    network = made["discriminator"](shape=shape).double()
    x, (params, buffers) = draw(4, *shape), tensors(network)
    functions = method.functions({"generator": "as it was", "discriminator": functional(network)})
    classes = functions["classifier"](params, buffers, x)[0]
    assert classes.shape == (4, 3)
    torch.testing.assert_close(functions["discriminator"](params, buffers, x)[0], classes.exp().sum(1).log())
    assert made["generator"] == functions["generator"] == "as it was"


def test_without_labels_everything_is_as_it_was():
    given = {"generator": "G", "discriminator": "D"}
    assert Unlabelled().builders(given, None, True) == Unlabelled().functions(given) == given
    assert Unlabelled().batch_fields(LABEL, LABEL > 0, 3, torch.float64) == {}


class Bare(nn.Module):
    """A user's discriminator, without features."""

    def __init__(self, shape):
        super().__init__()
        self.layer = nn.Linear(shape[0], 1)

    def forward(self, x):
        return self.layer(x).squeeze(1)


def test_networks_of_users():
    builders = {"generator": partial(mlp.Generator, latent=4), "discriminator": partial(Bare)}
    network = Conditional().builders(builders, 3, True)["discriminator"](shape=(2,)).double()
    x = draw(4, 2)
    seen = torch.cat([x, one_hot(LABEL, 3, torch.float64)], 1)
    torch.testing.assert_close(network(x, LABEL), network.inner(seen))
    with pytest.raises(UserError, match=r"labels\.how=projection.*features.*Bare"):
        Conditional(how="projection").builders(builders, 3, True)["discriminator"](shape=(2,))
    with pytest.raises(UserError, match="latent"):
        Conditional().builders({**builders, "generator": partial(Bare)}, 3, True)["generator"](shape=(2,))


@pytest.mark.parametrize(("keys", "words"), [({"how": "cat"}, "labels.how=cat"), ({"dim": 0}, "labels.dim=0")])
def test_settings_that_cannot_be(keys, words):
    with pytest.raises(UserError, match=words):
        Conditional(**keys)


@pytest.mark.parametrize(("labels", "worst"), [([1, 2, 3], 3), ([0, 10**9], 10**9), ([-1, 0], -1)])
def test_a_label_beyond_the_classes_is_no_code_of_zeros(labels, worst):
    class Own:
        num_classes, num_data = 3, 5

        def batch(self, seed, stream, index, batch_size, device, dtype):
            return {"x": torch.zeros(len(labels), 2), "y": torch.tensor(labels)}

    with pytest.raises(UserError, match=rf"Own has 3 classes .*0 to 2, and a label {worst}"):
        check_range(Own(), 3)
