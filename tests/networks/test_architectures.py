"""Published architectures: numbers of parameters by hand, layers counted, sizes that cannot be."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import nn

from steadygan.common.errors import UserError
from steadygan.common.paths import conf_dir
from steadygan.config.instantiation import make
from steadygan.networks import bottleneck, cifar_resnet, dcgan, r3gan, resnet
from steadygan.networks.layers.norms import BatchNorm

RGB = 3


def count(network):
    return sum(p.numel() for p in network.parameters())


def convolution(m, n, k, bias=True):
    """Numbers of a layer with ``k x k`` kernels (a linear one: ``k = 1``)."""
    return m * n * k * k + n * bias


@pytest.fixture
def players(plain):
    def call(name, *overrides, size=16):
        """Both players of an option, on gray images."""
        config = plain("dataset=digits", f"dataset.size={size}", f"network={name}", *overrides)
        return [make(config["network"][player], player)(shape=(1, size, size)) for player in PLAYERS]

    return call


PLAYERS = ("generator", "discriminator")
FIGURE_2 = {
    "dcgan_baseline": [],
    "dcgan_constant": [],
    "dcgan_mlp": [],
    "dcgan_unnormalised": [],
    "dcgan_gated": [],
    "dcgan_tanh": [],
    "resnet101": [],
}


def kinds(network):
    return Counter(type(layer).__name__ for layer in network.modules())


def test_seven_architectures_differ_in_their_switch(players):
    """At 16 x 16: two layers up and two down, so norms behind two of G's and one of D's."""
    made = {name: players(name, "network.width=4") for name in FIGURE_2}
    norms = {n: (kinds(g)["BatchNorm"], kinds(d)["GroupNorm"]) for n, (g, d) in made.items()}
    assert norms == {
        "dcgan_baseline": (2, 1),
        "dcgan_constant": (0, 1),
        "dcgan_mlp": (0, 1),
        "dcgan_unnormalised": (0, 0),
        "dcgan_gated": (2, 1),
        "dcgan_tanh": (2, 1),
        "resnet101": (33, 33),
    }
    for name, g, d in (("dcgan_gated", "Gated", "Gated"), ("dcgan_tanh", "Tanh", "Tanh")):
        generator, discriminator = map(kinds, made[name])
        assert not {"ReLU", "LeakyReLU"} & {*generator, *discriminator}
        assert (generator[g], discriminator[d]) == (2 + (g == "Tanh"), 2)  # the output has its tanh as well
    first, second = (layer for layer in made["dcgan_constant"][0].modules() if isinstance(layer, nn.ConvTranspose2d))
    assert (first.in_channels, first.out_channels, second.in_channels) == (4, 4, 4)
    linear = [(layer.in_features, layer.out_features) for layer in players("dcgan_mlp")[0].layers]
    assert linear == [(100, 512), *[(512, 512)] * 3, (512, 256)]
    described = {str(discriminator) for name, (_, discriminator) in made.items() if name in list(FIGURE_2)[:3]}
    assert len(described) == 1  # the first three have the same discriminator


def test_dcgan_of_64_pixels():
    """Radford et al. 2016. PyTorch's tutorial has 3,576,704 and 2,765,568: G's output and D's ends have no biases."""
    shape = (RGB, 64, 64)
    assert count(dcgan.Generator(shape)) == 3_576_704 + RGB
    assert count(dcgan.Discriminator(shape, norm="batch")) == 2_765_568 + 64 + 1
    plain = count(dcgan.Generator(shape, norm="none", constant=True))
    assert plain == convolution(100, 64 * 16, 1) + 3 * convolution(64, 64, 4) + convolution(64, RGB, 4)
    assert 10 < count(dcgan.Generator(shape)) / plain < 20  # "a bit more than an order of magnitude": WGAN, figure 6


def test_gated_layers_have_twice_the_channels():
    """16 x 16 without norms, two filters."""
    generator = dcgan.Generator((1, 16, 16), 3, 2, norm="none", activation="gated")
    up = convolution(3, 2 * 4 * 16, 1) + convolution(4, 2 * 2, 4) + convolution(2, 1, 4)
    assert count(generator) == up
    discriminator = dcgan.Discriminator((1, 16, 16), 2, activation="gated")
    assert count(discriminator) == convolution(1, 2 * 2, 4) + convolution(2, 2 * 4, 4) + 4 * 16 + 1


def test_wgan_gp_of_cifar():
    """Gulrajani et al., appendix F: 128 filters, three blocks up; four blocks, the first without a ReLU in front."""
    w, norm = 128, 2 * 128
    up = 2 * (norm + convolution(w, w, 3)) + convolution(w, w, 1)
    generator = convolution(128, w * 16, 1) + 3 * up + norm + convolution(w, RGB, 3)
    assert count(cifar_resnet.Generator((RGB, 32, 32))) == generator == 1_204_483
    first = convolution(RGB, w, 3) + convolution(w, w, 3) + convolution(RGB, w, 1)
    down, same = 2 * convolution(w, w, 3) + convolution(w, w, 1), 2 * convolution(w, w, 3)
    critic = first + down + 2 * same + w + 1
    assert count(cifar_resnet.Discriminator((RGB, 32, 32))) == critic == 1_053_825
    assert count(cifar_resnet.Discriminator((RGB, 32, 32), norm="layer")) == critic + 6 * norm


def test_sngan_of_cifar():
    """Miyato et al., table 4: 256 filters with batch normalisation, 128 with spectral normalisation."""
    w, norm = 256, 2 * 256
    up = 2 * (norm + convolution(w, w, 3)) + convolution(w, w, 1)
    generator = convolution(128, w * 16, 1) + 3 * up + norm + convolution(w, RGB, 3)
    assert count(cifar_resnet.Generator((RGB, 32, 32), width=256)) == generator == 4_276_739
    discriminator = cifar_resnet.Discriminator((RGB, 32, 32), spectral_norm=True, pool="sum")
    assert count(discriminator) == 1_053_825
    # Each weight has its vector: 2 + 1 of the first block, 2 + 1 of the second, 2 and 2, and the last layer's.
    assert [name.rsplit(".")[-1] for name, _ in discriminator.named_buffers()] == ["u"] * 11


def test_mescheders_of_256_pixels():
    """As configured for LSUN: 64 filters to at most 1024, z of 256; without the constant label's input."""
    w = [64, 128, 256, 512, 1024, 1024, 1024]

    def block(m, n):
        hidden = min(m, n)
        return convolution(m, hidden, 3) + convolution(hidden, n, 3) + convolution(m, n, 1, bias=False) * (m != n)

    down = block(64, 64) + sum(block(m, n) for m, n in pairwise(w))
    up = sum(block(n, m) for m, n in pairwise(w)) + block(64, 64)
    discriminator, generator = (make((RGB, 256, 256)) for make in (resnet.Discriminator, resnet.Generator))
    assert count(discriminator) == convolution(RGB, 64, 3) + down + convolution(1024 * 16, 1, 1)
    assert count(generator) == convolution(256, 1024 * 16, 1) + up + convolution(64, RGB, 3)


@pytest.mark.parametrize(("size", "generator", "discriminator"), [(256, 23.058, 23.010), (32, None, None)])
def test_r3gan(size, generator, discriminator):
    """At 256 x 256 the millions of table 2 (configuration E) of Huang et al.; at 32 x 32 their preset for CIFAR-10."""
    w = [768, 768, 768, 768, 384, 192, 96][: {256: 7, 32: 4}[size]]
    blocks = sum(2 * (2 * m * 2 * m + 2 * m * 16 * 9 + 2 * 2 * m) for m in w)
    changes = sum(m * n for m, n in pairwise(w) if m != n)
    up = 768 * 16 + 64 * 768 + blocks + changes + w[-1] * RGB
    down = RGB * w[-1] + blocks + changes + 768 * 16 + 768
    counts = [count(make((RGB, size, size))) for make in (r3gan.Generator, r3gan.Discriminator)]
    assert counts == [up, down]
    if generator:
        assert [round(value / 1e6, 3) for value in counts] == [generator, discriminator]


def bottleneck_by_hand(m, n, change, norm):
    """Of the authors' layers: 1 x 1 to half, 3 x 3, 1 x 1 without bias, a norm; and the shortcut's 1 x 1."""
    shortcut = {"keep": 0, "down": convolution(m, n, 1), "up": convolution(m, 4 * n, 1)}[change]
    inner = convolution(m, m // 2, 1) + convolution(m // 2, n // 2, 3) + convolution(n // 2, n, 1, bias=False)
    return inner + 2 * n * norm + shortcut


def test_the_101_layers_of_64_pixels():
    w, keeps = [512, 256, 128, 64, 32], [6, 6, 6, 6, 5]  # from 4 x 4 to 64 x 64
    same = sum(k * bottleneck_by_hand(n, n, "keep", True) for n, k in zip(w, keeps))
    ups = sum(bottleneck_by_hand(m, n, "up", True) for m, n in pairwise(w))
    downs = sum(bottleneck_by_hand(n, m, "down", True) for m, n in pairwise(w))
    generator, discriminator = bottleneck.Generator((RGB, 64, 64)), bottleneck.Discriminator((RGB, 64, 64))
    assert count(generator) == convolution(128, 512 * 16, 1) + same + ups + convolution(32, RGB, 1)
    assert count(discriminator) == convolution(RGB, 32, 1) + downs + same + convolution(512 * 16, 1, 1)


@pytest.mark.parametrize("size", [8, 16, 32, 64, 128, 256])
def test_there_are_101_layers_at_every_size(size):
    """On the way from z to x and from x to the logit: those with weights that are on no shortcut."""
    for player in (bottleneck.Generator, bottleneck.Discriminator):
        weights = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
        layers = [
            name for name, layer in player((1, size, size), width=2).named_modules() if isinstance(layer, weights)
        ]
        assert len([name for name in layers if "shortcut" not in name]) == 101
        assert len([name for name in layers if "shortcut" in name]) == {8: 1, 16: 2, 32: 3, 64: 4, 128: 5, 256: 6}[size]


SIZED = {
    "resnet": {"width": 2, "max_width": 4},
    "resnet101": {"width": 2, "layers": 20},
    "wgan_gp_resnet": {"width": 2, "discriminator_width": 2},
    "sngan": {"width": 2, "discriminator_width": 2},
    "r3gan": {"width": 16, "blocks": 1, "group": 2},
    "progressive": {"width": 1},
    "mlp": {"width": 4},
    "dcgan_mlp": {"width": 1, "generator_width": 4},
    **{name: {"width": 1} for name in ("dcgan", *FIGURE_2) if name not in ("dcgan_mlp", "resnet101")},
}
LINEAR = ("r3gan", "progressive")
"""Whose images are not from a tanh, as published."""
FAMILIES = {
    "resnet": resnet,
    "resnet101": bottleneck,
    "wgan_gp_resnet": cifar_resnet,
    "sngan": cifar_resnet,
    "r3gan": r3gan,
    "dcgan_gated": dcgan,
    "dcgan_constant": dcgan,
}


def test_every_network_is_tried_at_every_size():
    assert set(SIZED) == {path.stem for path in (conf_dir() / "network").glob("*.yaml")}


@pytest.mark.parametrize("size", [8, 16, 32, 64, 128, 256])
@pytest.mark.parametrize("name", SIZED)
def test_every_size_there_is(plain, name, size):
    """Shapes, the range of tanh where there is one, and that each logit sees its own image only."""
    config = plain(
        f"network={name}", "dataset=digits", *(f"network.{key}={value}" for key, value in SIZED[name].items())
    )
    generator, discriminator = (make(config["network"][player], player)(shape=(RGB, size, size)) for player in PLAYERS)
    images = generator.eval()(torch.randn(2, generator.latent))
    assert images.shape == (2, RGB, size, size)
    if name not in LINEAR:
        assert images.abs().max() <= 1
    images = images.detach().requires_grad_()
    logits = discriminator(images)
    assert logits.shape == (2,)
    (gradient,) = torch.autograd.grad(logits[0], images)
    assert gradient[0].abs().sum() > 0
    assert gradient[1].abs().sum() == 0


@pytest.mark.parametrize("shape", [(2,), (1, 28, 28), (1, 8, 16), (3, 512, 512)])
@pytest.mark.parametrize("name", FAMILIES)
def test_images_that_cannot_be_are_refused(name, shape):
    for player in (FAMILIES[name].Generator, FAMILIES[name].Discriminator):
        with pytest.raises(UserError, match=rf"network=.*8x8.*256x256.*{'x'.join(map(str, shape))}(.|\n)*network=mlp"):
            player(shape)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: bottleneck.Generator((1, 8, 8), width=3), r"network\.width=3: must be even"),
        (lambda: bottleneck.Generator((1, 16, 16), layers=100), r"network\.layers=100: must be 8, 11, 14, \.\.\."),
        (lambda: bottleneck.Discriminator((1, 16, 16), layers=5), r"network\.layers=5: must be 8, 11"),
        (
            lambda: r3gan.Generator((3, 32, 32), width=12),
            r"network\.width=12: must be a multiple of 8 for",
        ),
        (lambda: r3gan.Generator((3, 256, 256), width=32), r"network\.width=32: must be a multiple of 64"),
        (lambda: r3gan.Discriminator((3, 32, 32), group=0), r"network\.group=0"),
        (lambda: cifar_resnet.Discriminator((3, 32, 32), pool="max"), r"network\.pool=max(.|\n)*mean, sum"),
        (lambda: cifar_resnet.Discriminator((3, 32, 32), norm="bach"), r"network\.discriminator_norm=bach"),
        (lambda: cifar_resnet.Discriminator((3, 32, 32), width=0), r"network\.discriminator_width=0"),
        (lambda: resnet.Generator((3, 32, 32), max_width=0), r"network\.max_width=0"),
        (lambda: resnet.Generator((3, 32, 32), latent=0), r"network\.latent=0"),
        (lambda: dcgan.Generator((3, 32, 32), activation="gate"), r"network\.generator_activation=gate(.|\n)*'gated'"),
        (lambda: dcgan.Discriminator((3, 32, 32), activation="elu"), r"network\.discriminator_activation=elu"),
    ],
)
def test_settings_that_cannot_be(make, words):
    with pytest.raises(UserError, match=words):
        make()


def test_a_width_that_r3gan_asks_for_can_be():
    assert r3gan.filters((3, 32, 32), 8, 2, 16) == [8] * 4
    assert r3gan.filters((3, 256, 256), 64, 2, 16) == [64] * 4 + [32, 16, 8]


def published():
    """``(option, size, G's parameters, D's)`` of the rows of the page that have numbers."""
    for line in (Path(__file__).parents[2] / "docs" / "networks.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 6 and cells[3].isdigit():
            yield cells[0].strip("`"), int(cells[3]), *(int(cell.replace(",", "")) for cell in cells[4:])


@pytest.mark.parametrize(("name", "size", "generator", "discriminator"), list(published()))
def test_the_numbers_on_the_page(plain, name, size, generator, discriminator):
    config = plain("dataset=digits", f"network={name}")["network"]
    counts = [count(make(config[player], player)(shape=(RGB, size, size))) for player in PLAYERS]
    assert counts == [generator, discriminator]


def test_no_normalisation_where_there_is_none():
    for module in (resnet, r3gan):
        for player in (module.Generator, module.Discriminator):
            assert not {"BatchNorm", "GroupNorm"} & kinds(player((1, 16, 16), width=8)).keys()
    assert not any(isinstance(layer, BatchNorm) for layer in cifar_resnet.Discriminator((1, 32, 32), 2).modules())
