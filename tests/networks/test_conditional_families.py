"""Every family of networks of images told a class: by batch normalisation, by projection, by constant channels."""

import pytest
import torch
import torch.nn.functional as F

from steadygan.common.errors import UserError
from steadygan.common.paths import conf_dir
from steadygan.config.instantiation import make
from steadygan.networks.labels import Conditional
from steadygan.networks.layers.norms import ClassBatchNorm
from steadygan.training.functional import tensors
from steadygan.training.networks import as_functions, build_networks

SHAPE, CLASSES = (1, 16, 16), 3
LABEL = torch.tensor([2, 0, 1, 2])
SIZES = {
    "dcgan": ["network.width=2"],
    "dcgan_gated": ["network.width=2"],
    "dcgan_tanh": ["network.width=2"],
    "resnet101": ["network.width=2", "network.layers=14"],
    "resnet": ["network.width=2", "network.max_width=4", "network.generator_norm=batch"],
    "wgan_gp_resnet": ["network.width=3", "network.discriminator_width=3"],
    "sngan": ["network.width=3", "network.discriminator_width=3"],
    "dcgan_baseline": ["network.width=2"],
    "dcgan_constant": ["network.width=2"],
    "dcgan_mlp": ["network.width=2", "network.generator_width=4"],
    "dcgan_unnormalised": ["network.width=2"],
    "r3gan": ["network.width=8", "network.group=4"],
    "progressive": ["network.width=8"],  # narrower, its pixel norms enlarge what 8 bits round
}
NORMALISED = ["dcgan", "dcgan_gated", "dcgan_tanh", "dcgan_baseline", "resnet101", "resnet", "wgan_gp_resnet", "sngan"]


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def builders(plain):
    def call(name):
        config = plain("dataset=digits", f"network={name}", "network.latent=5", *SIZES[name])["network"]
        return {player: make(config[player], player) for player in ("generator", "discriminator")}

    return call


def test_every_network_of_images_is_here():
    options = {path.stem for path in (conf_dir() / "network").glob("*.yaml")}
    assert {*SIZES, "mlp"} == options, "mlp is told beside a vector: test_conditional_networks"


def weight_of(table):
    """``[num_features, classes]``: the weights of a linear layer as it uses them."""
    return table.normalised_weight() if hasattr(table, "u") else getattr(table, "scale", 1.0) * table.weight


@pytest.mark.parametrize("name", NORMALISED)
def test_a_batch_of_one_class_is_the_network_with_that_classs_scales_and_shifts(builders, name):
    given = builders(name)
    conditional = Conditional(generator="batch_norm").builders(given, CLASSES, True)["generator"](shape=SHAPE).double()
    assert (conditional.latent, conditional.classes) == (5, CLASSES)
    tables = [own for own in conditional.inner.named_modules() if isinstance(own[1], ClassBatchNorm)]
    with torch.no_grad():
        for place, (_, layer) in enumerate(tables):
            layer.weight.copy_(draw(*layer.weight.shape, seed=place))
            layer.bias.copy_(draw(*layer.bias.shape, seed=99 + place))
    plain_network, z = given["generator"](shape=SHAPE).double(), draw(4, 5)
    for c in range(CLASSES):
        state = {key.replace("norm.running", "running"): value for key, value in conditional.inner.state_dict().items()}
        for key, layer in tables:
            state |= {f"{key}.weight": layer.weight[c], f"{key}.bias": layer.bias[c]}
        plain_network.load_state_dict(state)
        for training in (False, True):
            expected = plain_network.train(training)(z)
            actual = conditional.train(training)(z, torch.full((4,), c))
            torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-10)
    conditional.eval()
    mixed = conditional(z, LABEL)
    for place, c in enumerate(LABEL):
        torch.testing.assert_close(
            mixed[place], conditional(z, torch.full((4,), int(c)))[place], rtol=1e-10, atol=1e-10
        )
    assert not torch.allclose(mixed[0], conditional(z, LABEL.flip(0) * 0)[0])


@pytest.mark.parametrize("name", sorted(SIZES.keys() - set(NORMALISED)))
def test_generators_without_batch_normalisation_say_so(builders, name):
    given = Conditional(generator="batch_norm").builders(builders(name), CLASSES, True)["generator"]
    with pytest.raises(UserError, match=r"labels\.generator=batch_norm.*batch normalisation(.|\n)*concatenate"):
        given(shape=SHAPE)


@pytest.mark.parametrize("name", SIZES)
def test_projection_and_concatenation_go_with_every_family(builders, name):
    x, z = draw(4, *SHAPE), draw(4, 5)
    projected = Conditional(how="projection", dim=6).builders(builders(name), CLASSES, True)
    generator, discriminator = (projected[p](shape=SHAPE).double().eval() for p in ("generator", "discriminator"))
    assert generator(z, LABEL).shape == (4, *SHAPE)
    rows = weight_of(discriminator.embedding).T
    features = discriminator.inner.features(x)
    assert features.shape == (4, discriminator.inner.num_features)
    expected = discriminator.inner(x) + (rows[LABEL] * features).sum(1)
    torch.testing.assert_close(discriminator(x, LABEL), expected, rtol=1e-10, atol=1e-10)

    beside = Conditional().builders(builders(name), CLASSES, True)["discriminator"](shape=SHAPE).double().eval()
    planes = F.one_hot(LABEL, CLASSES).double()[:, :, None, None] * torch.ones(4, CLASSES, 16, 16).double()
    torch.testing.assert_close(beside(x, LABEL), beside.inner(torch.cat([x, planes], 1)), rtol=1e-10, atol=1e-10)
    assert not torch.allclose(beside(x, LABEL), beside(x, LABEL.flip(0)))


@pytest.mark.parametrize("name", SIZES)
def test_discriminators_that_tell_classes(builders, name):
    network = builders(name)["discriminator"](shape=SHAPE, outputs=CLASSES).double()
    assert network(draw(4, *SHAPE)).shape == (4, CLASSES)
    assert network.head(draw(4, network.num_features)).shape == (4, CLASSES)


@pytest.mark.parametrize("name", SIZES)
def test_half_precision(builders, name):
    """Under autocast to bfloat16, whose numbers have 8 bits, G's images and D's logits on them are nearly the same."""
    method = Conditional(how="projection", generator="batch_norm" if name in NORMALISED else "concatenate")
    networks = build_networks(method.builders(builders(name), CLASSES, True), SHAPE, 0, torch.float32)
    full, half = (as_functions(networks, bf16=bf16) for bf16 in (False, True))
    states = {player: tensors(network) for player, network in networks.items()}
    z, label = draw(16, 5).float(), torch.arange(16) % CLASSES
    expected, _ = full["generator"](*states["generator"], z, label)
    images, buffers = half["generator"](*states["generator"], z, label)
    assert images.dtype == torch.float32
    assert all(value.dtype == torch.float32 for value in buffers.values())
    assert (images - expected).square().mean().sqrt() < 0.03 * expected.square().mean().sqrt() + 1e-3
    logits, _ = half["discriminator"](*states["discriminator"], expected, label)
    expected, _ = full["discriminator"](*states["discriminator"], expected, label)
    assert (logits - expected).square().mean().sqrt() < 0.03 * expected.square().mean().sqrt() + 1e-3


@pytest.mark.parametrize("name", ["dcgan_constant", "dcgan_unnormalised"])
def test_a_dcgan_without_normalisation_takes_it_where_it_is_asked_for(builders, name, monkeypatch):
    monkeypatch.setitem(SIZES, name, [*SIZES[name], "network.generator_norm=batch"])
    conditional = Conditional(generator="batch_norm").builders(builders(name), CLASSES, True)["generator"](shape=SHAPE)
    (table,) = [layer for layer in conditional.modules() if isinstance(layer, ClassBatchNorm)][:1]
    z = draw(4, 5).float()
    before = conditional.eval()(z, LABEL)
    with torch.no_grad():
        table.bias[2] += 1.0
    changed = (conditional(z, LABEL) - before).flatten(1).abs().amax(1) > 0
    assert changed.tolist() == [True, False, False, True], "images of class 2 alone"


def test_unknown_ways_to_tell_a_generator():
    with pytest.raises(UserError, match=r"labels\.generator=batch(.|\n)*batch_norm, concatenate"):
        Conditional(generator="batch")
