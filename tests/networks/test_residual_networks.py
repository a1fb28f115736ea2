"""Forward passes of the residual networks written out with torch's functions, their starts, and their gradients."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call

from steadygan.networks import bottleneck, cifar_resnet, r3gan, resnet
from steadygan.networks.layers.initial import fans
from steadygan.networks.layers.resampling import BilinearDown, BilinearUp, Nearest
from steadygan.networks.layers.spectral import spectral_value

SHAPE = (2, 16, 16)


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def grown(network):
    """In double, every weight and bias drawn anew, so that none is 0 and no branch is small."""
    network = network.double()
    with torch.no_grad():
        for place, p in enumerate(network.parameters()):
            p.copy_(draw(*p.shape, seed=place) / (1 if p.ndim == 1 else p[0].numel() ** 0.5))
    return network


class Layers:
    """The parameters of a network in the order in which they are made, each used once."""

    def __init__(self, network):
        self.left = list(network.named_parameters())

    def take(self, *ends):
        taken = [self.left.pop(0) for _ in ends]
        assert [name.rpartition(".")[2] for name, _ in taken] == list(ends)
        return [p for _, p in taken]

    def conv(self, x, bias=True, **keys):
        weight, *rest = self.take("weight", *["bias"] * bias)
        padding = keys.pop("padding", weight.shape[-1] // 2)
        return F.conv2d(x, weight, *rest, padding=padding, **keys)

    def deconv(self, x):
        weight, bias = self.take("weight", "bias")
        full = F.conv_transpose2d(x, weight, bias, stride=2)  # kernel 3: 2 n + 1 pixels
        return full[:, :, 1:, 1:]

    def linear(self, x, bias=True):
        weight, *rest = self.take("weight", *["bias"] * bias)
        return F.linear(x, weight, *rest)

    def batch_norm(self, x):
        weight, bias = self.take("weight", "bias")
        return F.batch_norm(x, None, None, weight, bias, training=True)

    def layer_norm(self, x):
        weight, bias = (p[:, None, None] for p in self.take("weight", "bias"))
        return F.layer_norm(x, x.shape[1:]) * weight + bias

    def image(self, z, bias=True):
        """The first layer's 4 x 4: row, column and channel from outside in."""
        x = self.linear(z, bias)
        return torch.stack([part.reshape(4, 4, -1).permute(2, 0, 1) for part in x])

    def end(self):
        assert not self.left


def twice(x):
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def halved(x):
    return (x[:, :, ::2, ::2] + x[:, :, 1::2, ::2] + x[:, :, ::2, 1::2] + x[:, :, 1::2, 1::2]) / 4


def leaky(x):
    return torch.maximum(x, 0.2 * x)


def same(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-10)


def mescheder_block(layers, x, changes):
    h = layers.conv(leaky(x))
    h = layers.conv(leaky(h))
    return (layers.conv(x, bias=False) if changes else x) + 0.1 * h


def test_mescheders_generator():
    network, z = grown(resnet.Generator(SHAPE, 3, 2, 4)), draw(5, 3)
    layers = Layers(network)
    x = layers.image(z)  # filters 4, 4, 2
    x = twice(mescheder_block(layers, x, False))
    x = twice(mescheder_block(layers, x, True))
    x = mescheder_block(layers, x, False)
    expected = torch.tanh(layers.conv(leaky(x)))
    layers.end()
    same(network(z), expected)


def test_mescheders_discriminator():
    network, x = grown(resnet.Discriminator(SHAPE, 2, 4)), draw(5, *SHAPE)
    layers = Layers(network)

    def pooled(x):
        """Means of 3 x 3 pixels, those beyond the border 0, at every other pixel."""
        c = x.shape[1]
        return F.conv2d(x, torch.full((c, 1, 3, 3), 1 / 9, dtype=x.dtype), stride=2, padding=1, groups=c)

    h = mescheder_block(layers, layers.conv(x), False)
    h = mescheder_block(layers, pooled(h), True)
    h = mescheder_block(layers, pooled(h), False)
    expected = layers.linear(leaky(h).flatten(1))[:, 0]
    layers.end()
    same(network(x), expected)


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_cifar_generator(norm):
    network, z = grown(cifar_resnet.Generator(SHAPE, 3, 4, norm)), draw(5, 3)
    layers = Layers(network)
    normalise = layers.batch_norm if norm == "batch" else lambda x: x
    x = layers.image(z)
    for _ in range(2):
        h = layers.conv(twice(normalise(x).relu()))
        h = layers.conv(normalise(h).relu())
        x = layers.conv(twice(x)) + h
    expected = torch.tanh(layers.conv(normalise(x).relu()))
    layers.end()
    same(network(z), expected)


@pytest.mark.parametrize(("norm", "pool"), [("none", "mean"), ("layer", "mean"), ("none", "sum")])
def test_cifar_discriminator(norm, pool):
    network = grown(cifar_resnet.Discriminator(SHAPE, 4, norm, pool=pool))
    seen = x = draw(5, *SHAPE)
    layers = Layers(network)
    normalise = layers.layer_norm if norm == "layer" else lambda x: x
    h = halved(layers.conv(layers.conv(x).relu()))
    x = layers.conv(halved(x)) + h
    h = layers.conv(normalise(x).relu())
    h = halved(layers.conv(normalise(h).relu()))
    x = halved(layers.conv(x)) + h  # convolved, then halved, as published
    for _ in range(2):
        h = layers.conv(normalise(x).relu())
        x = x + layers.conv(normalise(h).relu())
    expected = layers.linear(getattr(x.relu(), pool)((2, 3)))[:, 0]
    layers.end()
    same(network(seen), expected)


def test_sngans_discriminator_has_weights_of_norm_one():
    network, x = cifar_resnet.Discriminator(SHAPE, 4, spectral_norm=True).double().eval(), draw(5, *SHAPE)
    plain = cifar_resnet.Discriminator(SHAPE, 4).double()
    divided = {
        name: p / spectral_value(p.flatten(1), network.get_buffer(name.replace("weight", "u")))[0] if p.ndim > 1 else p
        for name, p in network.named_parameters()
    }
    same(network(x), functional_call(plain, divided, (x,)))
    for name, weight in divided.items():
        if weight.ndim > 1:
            assert torch.linalg.matrix_norm(weight.flatten(1), 2).item() == pytest.approx(1.0), name


def bottleneck_branch(layers, x, middle, normalise):
    h = layers.conv(x.relu())
    h = middle(h.relu())
    return 0.3 * normalise(layers.conv(h.relu(), bias=False))


def test_bottleneck_generator():
    """Of 14 layers at 16 x 16: one block at 4 x 4 and one at 8 x 8 that keep the size."""
    network, z = grown(bottleneck.Generator(SHAPE, 3, 2, 14)), draw(5, 3)
    layers = Layers(network)

    def keep(x):
        return x + bottleneck_branch(layers, x, layers.conv, layers.batch_norm)

    def up(x):
        h = bottleneck_branch(layers, x, layers.deconv, layers.batch_norm)
        return F.pixel_shuffle(layers.conv(x), 2) + h

    x = up(keep(up(keep(layers.image(z)))))
    expected = torch.tanh(layers.conv(x) / 5)
    layers.end()
    same(network(z), expected)


def test_bottleneck_discriminator():
    network, x = grown(bottleneck.Discriminator(SHAPE, 2, 14)), draw(5, *SHAPE)
    layers = Layers(network)

    def keep(x):
        return x + bottleneck_branch(layers, x, layers.conv, layers.layer_norm)

    def down(x):
        h = bottleneck_branch(layers, x, lambda h: layers.conv(h, stride=2), layers.layer_norm)
        return layers.conv(x, stride=2) + h

    h = keep(down(keep(down(layers.conv(x)))))
    expected = layers.linear(h.flatten(1) / 5)[:, 0]
    layers.end()
    same(network(x), expected)


def kernel(channels):
    row = torch.tensor([1, 3, 3, 1]).double()
    return torch.outer(row, row).expand(channels, 1, 4, 4) / 64


def bilinear_up(x):
    c = x.shape[1]
    return F.conv_transpose2d(x, 4 * kernel(c), stride=2, padding=1, groups=c)


def bilinear_down(x):
    c = x.shape[1]
    return F.conv2d(x, kernel(c), stride=2, padding=1, groups=c)


def r3gan_block(layers, x, groups):
    h = layers.conv(x, bias=False)
    h = leaky(h + layers.take("bias")[0][:, None, None])
    h = layers.conv(h, bias=False, groups=groups)
    h = leaky(h + layers.take("bias")[0][:, None, None])
    return x + layers.conv(h, bias=False)


def test_r3gans_generator():
    """At 64 x 64 the last resolution has half the filters, 8, 8, 8, 8, 4; inside twice as many, in groups of 4."""
    network, z = grown(r3gan.Generator((2, 64, 64), 3, 8, 1, 2, 4)), draw(5, 3)
    layers = Layers(network)
    (basis,) = layers.take("basis")
    x = torch.einsum("bc,chw->bchw", layers.linear(z, bias=False), basis)
    x = r3gan_block(layers, x, 4)
    for _ in range(3):
        x = r3gan_block(layers, bilinear_up(x), 4)
    x = bilinear_up(layers.conv(x, bias=False))
    expected = layers.conv(r3gan_block(layers, x, 2), bias=False)
    layers.end()
    same(network(z), expected)


def test_r3gans_discriminator():
    network, x = grown(r3gan.Discriminator((2, 64, 64), 8, 1, 2, 4)), draw(3, 2, 64, 64)
    layers = Layers(network)
    h = r3gan_block(layers, layers.conv(x, bias=False), 2)
    h = layers.conv(bilinear_down(h), bias=False)
    for _ in range(3):
        h = bilinear_down(r3gan_block(layers, h, 4))
    h = r3gan_block(layers, h, 4)
    (basis,) = layers.take("weight")
    expected = layers.linear((h * basis[:, 0]).sum((2, 3)), bias=False)[:, 0]
    layers.end()
    same(network(x), expected)


def test_resampling():
    x = draw(2, 3, 4, 6)
    same(Nearest()(x), twice(x))
    same(BilinearUp()(x), bilinear_up(x))
    same(BilinearDown()(x), bilinear_down(x))
    inner = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    same(BilinearUp()(x)[:, :, 1:-1, 1:-1], inner[:, :, 1:-1, 1:-1])


def mean_square(weight):
    return weight.square().mean().item()


def test_starts_of_glorot():
    """Variance 2 gain^2 / (fan in + fan out); gain^2 = 2 in the branches, 1 elsewhere; biases 0."""
    networks = [cifar_resnet.Generator(SHAPE, 64, 32), cifar_resnet.Discriminator(SHAPE, 32, spectral_norm=True)]
    networks += [bottleneck.Generator(SHAPE, 64, 32, 14), bottleneck.Discriminator(SHAPE, 32, 14)]
    for network in networks:
        for name, layer in network.named_modules():
            if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                gain = 2 if "branch" in name else 1
                expected, n = 2 * gain / sum(fans(layer)), layer.weight.numel()
                # Six standard errors of the mean square of a uniform number, sqrt(4 / 5) of it.
                assert mean_square(layer.weight) == pytest.approx(expected, rel=6 * (0.8 / n) ** 0.5), name
                assert layer.bias is None or layer.bias.eq(0).all()


def test_fans_by_hand():
    assert fans(nn.Linear(3, 5)) == (3, 5)
    assert fans(nn.Conv2d(3, 5, 4, 2)) == (3 * 16, 5 * 16 / 4)
    assert fans(nn.ConvTranspose2d(3, 5, 4, 2)) == (3 * 16 / 4, 5 * 16)


def test_starts_of_r3gan():
    """Branches end with 0; before, a standard deviation of gain L^(-1/4) / sqrt(fan in), with L = 6 blocks."""
    generator, discriminator = r3gan.Generator(SHAPE, 64, 64, 2, 2, 16), r3gan.Discriminator(SHAPE, 64, 2, 2, 16)
    inner = math.sqrt(2 / 1.04) * 6**-0.25
    for network in (generator, discriminator):
        for block in (block for block in network.layers if isinstance(block, r3gan.Block)):
            first, _, second, _, last = block.branch
            assert last.weight.eq(0).all()
            for layer, fan in ((first, 64), (second, 16 * 9)):
                expected = inner**2 / fan
                assert mean_square(layer.weight) == pytest.approx(expected, rel=6 * (2 / layer.weight.numel()) ** 0.5)
    for weight, fan in ((generator.project.weight, 64), (generator.layers[-1].weight, 64), (generator.basis, 1)):
        assert mean_square(weight) == pytest.approx(1 / fan, rel=6 * (2 / weight.numel()) ** 0.5)
    basis = discriminator.layers[-1].weight
    assert mean_square(basis) == pytest.approx(1 / 16, rel=6 * (2 / basis.numel()) ** 0.5)


CRITICS = {
    "resnet": lambda: resnet.Discriminator((1, 8, 8), 2, 2),
    "resnet batch": lambda: resnet.Discriminator((1, 8, 8), 2, 2, norm="batch"),
    "cifar layer": lambda: cifar_resnet.Discriminator((1, 8, 8), 2, "layer"),
    "cifar spectral": lambda: cifar_resnet.Discriminator((1, 8, 8), 2, spectral_norm=True),
    "bottleneck": lambda: bottleneck.Discriminator((1, 8, 8), 2, 5),
    "r3gan": lambda: r3gan.Discriminator((1, 8, 8), 2, 1, 2, 2),
}


@pytest.mark.parametrize("name", CRITICS)
def test_gradients_by_the_input_and_by_all_weights(name):
    network = grown(CRITICS[name]()).eval()
    weights = [
        name
        for name, p in network.named_parameters()
        # that of a normalised weight holds its vectors constant (test_spectral.py)
        if p.ndim == 1 or not hasattr(network.get_submodule(name.rpartition(".")[0]), "u")
    ]
    inputs = [draw(2, 1, 8, 8, seed=99), *(network.get_parameter(name).detach().clone() for name in weights)]

    def call(x, *values):
        return functional_call(network, dict(zip(weights, values)), (x,))

    for value in inputs:
        value.requires_grad_()
    assert torch.autograd.gradcheck(call, inputs, fast_mode=True)
    assert torch.autograd.gradgradcheck(call, inputs, fast_mode=True)
