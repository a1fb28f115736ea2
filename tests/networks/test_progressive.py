"""Networks that grow: what a new stage begins with, sizes by hand, layers against their formulas."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from steadygan.common.errors import UserError
from steadygan.core.growing import enlarged, shrunk
from steadygan.networks import bottleneck, r3gan, resnet
from steadygan.networks.dcgan import Generator as DCGAN
from steadygan.networks.layers.equalized import EqualizedConv2d, EqualizedLinear, MinibatchDeviation, PixelNorm
from steadygan.networks.layers.norms import mixes_samples
from steadygan.networks.mlp import Generator as MLP
from steadygan.networks.progressive import Discriminator, Generator
from steadygan.networks.stacked import Growing, Stacked, as_growing

SIZES = (4, 8, 16, 32)


def draw(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def generators():
    shape = (3, 32, 32)
    fixed = {
        "dcgan": DCGAN(shape, 5, 2, norm="group"),
        "gated": DCGAN(shape, 5, 2, norm="none", activation="gated", constant=True),
        "resnet": resnet.Generator(shape, 5, 2),
        "resnet101": bottleneck.Generator(shape, 5, 4, layers=20, norm="group"),
        "r3gan": r3gan.Generator(shape, 5, 16, group=4),
    }
    return {name: Stacked(network, shape) for name, network in fixed.items()} | {
        "progressive": Growing(Generator(shape, 5, 2))
    }


FAMILIES = ("progressive", "dcgan", "gated", "resnet", "resnet101", "r3gan")


def count(network):
    return sum(param.numel() for param in network.parameters())


# --- stages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
def test_a_generators_image_has_the_size_of_its_stage(name):
    network, z = generators()[name].double(), draw(2, 5)
    assert network.sizes == SIZES
    for stage, size in enumerate(SIZES):
        assert network(z, stage=stage, fade=1.0).shape == (2, 3, size, size)
    torch.testing.assert_close(network(z, stage=3, fade=1.0), network.generator(z))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_new_block_of_a_generator_begins_with_the_image_before_it_enlarged(name):
    network, z = generators()[name].double(), draw(2, 5)
    for stage in (1, 2, 3):
        before, whole = (network(z, stage=at, fade=1.0) for at in (stage - 1, stage))
        start, half = (network(z, stage=stage, fade=fade) for fade in (0.0, torch.tensor(0.5)))
        assert torch.equal(start, enlarged(before, SIZES[stage]))
        assert (whole - start).abs().max() > 1e-6
        torch.testing.assert_close(half, (start + whole) / 2)


def test_a_new_block_of_a_discriminator_begins_with_the_old_one_on_the_smaller_image():
    network, x = Discriminator((3, 32, 32), 2).double(), draw(4, 3, 32, 32)
    for stage in (1, 2, 3):
        start, whole = (network(x, stage=stage, fade=fade) for fade in (0.0, 1.0))
        torch.testing.assert_close(start, network(shrunk(x, SIZES[stage - 1]), stage=stage - 1, fade=1.0))
        assert (whole - start).abs().max() > 1e-6
    assert torch.equal(network(x), network(x, stage=3, fade=1.0))


@pytest.mark.parametrize("fade", [0.0, 1.0])
def test_only_the_layers_of_a_stage_have_gradients(fade):
    generator, discriminator = Generator((1, 16, 16), 3, 2).double(), Discriminator((1, 16, 16), 2).double()
    discriminator(enlarged(generator(draw(2, 3), 1, fade), 16), 1, fade).sum().backward()
    for network, image in ((generator, "to_image"), (discriminator, "from_image")):
        moved = {name for name, param in network.named_parameters() if param.grad is not None and param.grad.any()}
        blocks = {int(name.split(".")[1]) for name in moved if name.startswith("blocks")}
        images = {int(name.split(".")[1]) for name in moved if name.startswith(image)}
        assert blocks == ({0, 1} if fade else {0})
        assert images == ({1} if fade else {0})


def test_gradients_by_the_input_at_a_fade():
    generator, discriminator = Generator((1, 8, 8), 3, 2).double(), Discriminator((1, 8, 8), 2).double()
    assert torch.autograd.gradcheck(lambda z: generator(z, 1, 0.3), draw(2, 3).requires_grad_())
    assert torch.autograd.gradcheck(lambda x: discriminator(x, 1, 0.3), draw(2, 1, 8, 8).requires_grad_())


def test_the_same_of_every_member_under_vmap():
    network, z, fades = Generator((1, 8, 8), 3, 2).double(), draw(3, 2, 3), torch.tensor([0.0, 0.4, 1.0])
    many = torch.func.vmap(lambda z, fade: network(z, 1, fade))(z, fades)
    torch.testing.assert_close(many, torch.stack([network(*each) for each in zip(z, (1, 1, 1), fades)]))


@pytest.mark.parametrize("size", [4, 8, 64, 256])
def test_every_size_there_is(size):
    generator, discriminator = Generator((3, size, size), 4, 1), Discriminator((3, size, size), 1, outputs=2)
    images = generator(torch.randn(2, 4))
    assert images.shape == (2, 3, size, size)
    assert discriminator(images).shape == (2, 2)
    assert generator.sizes == discriminator.sizes == tuple(4 * 2**k for k in range(len(generator.sizes)))


def test_parameters_by_hand():
    """2 filters at 8, 4 at 4: dense 3 -> 4 * 16, convolutions 4 -> 4, 4 -> 2, 2 -> 2, and the mirror image."""
    first = (3 * 64 + 64) + (9 * 16 + 4)
    assert count(Generator((1, 8, 8), 3, 2)) == first + (9 * 8 + 2) + (9 * 4 + 2) + (4 + 1) + (2 + 1)
    last = (9 * 16 + 4) + (64 * 4 + 4) + (4 + 1)
    down = (9 * 4 + 2) + (9 * 8 + 4) + (4 + 4) + (2 + 2)
    assert count(Discriminator((1, 8, 8), 2)) == last + down
    assert count(Discriminator((1, 8, 8), 2, minibatch_deviation=True)) == last + down + 9 * 4


@pytest.mark.parametrize("make", [Generator, Discriminator])
@pytest.mark.parametrize("shape", [(2,), (1, 28, 28), (1, 8, 16), (1, 512, 512)])
def test_other_shapes_are_refused(make, shape):
    with pytest.raises(UserError, match="makes square images of 4x4"):
        make(shape)


# --- a generator of fixed size --------------------------------------------------------------------------------------


def test_heads_see_what_the_next_layer_sees():
    inner = DCGAN((1, 16, 16), 3, 2, norm="batch")
    network, z = as_growing(inner, (1, 16, 16)).double().eval(), draw(2, 3)
    assert [(head.in_channels, head.out_channels) for head in network.heads] == [(4, 1), (2, 1)]
    seen = []
    hooks = [layer.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
             for layer in inner.layers if isinstance(layer, nn.ConvTranspose2d)]  # fmt: skip
    inner(z)
    for hook in hooks:
        hook.remove()
    for stage in range(2):
        torch.testing.assert_close(network(z, stage=stage), network.heads[stage](seen[stage]).tanh())


def test_building_heads_leaves_the_generator_alone():
    inner = DCGAN((1, 16, 16), 3, 2, norm="batch")
    before = {name: value.clone() for name, value in inner.state_dict().items()}
    as_growing(inner, (1, 16, 16))
    assert inner.training
    assert all(torch.equal(value, before[name]) for name, value in inner.state_dict().items())


def test_a_generator_without_resolutions_is_refused():
    with pytest.raises(UserError, match="doubles the size of its images"):
        as_growing(MLP((1, 8, 8), 3, 4, 2), (1, 8, 8))


# --- layers ---------------------------------------------------------------------------------------------------------


def test_equalized_layers_by_hand():
    linear, convolution = EqualizedLinear(6, 4, gain=2.0).double(), EqualizedConv2d(3, 2, 3, gain=0.5).double()
    x, image = draw(5, 6), draw(5, 3, 4, 4)
    torch.testing.assert_close(linear(x), F.linear(x, linear.weight * 2 / 6**0.5, linear.bias))
    expected = F.conv2d(image, convolution.weight * 0.5 / 27**0.5, convolution.bias, padding=1)
    torch.testing.assert_close(convolution(image), expected)
    wide = EqualizedLinear(2000, 500)
    assert float(wide.weight.detach().std()) == pytest.approx(1, abs=0.01)
    assert float(wide(torch.randn(100, 2000)).detach().std()) == pytest.approx(1, abs=0.03)


def test_pixel_norm_by_hand():
    x = torch.tensor([[3.0, 0.0], [4.0, 2.0]])[:, :, None, None].transpose(0, 1)  # pixels (3, 4) and (0, 2)
    root = 2**0.5
    assert PixelNorm()(x)[:, :, 0, 0].tolist() == [pytest.approx([0.6 * root, 0.8 * root]), pytest.approx([0, root])]


def test_minibatch_deviation_by_hand():
    x = draw(8, 3, 2, 2)
    made = MinibatchDeviation()(x)
    assert torch.equal(made[:, :3], x)
    for group in (slice(0, 4), slice(4, 8)):
        spread = x[group].numpy().std(0).mean()
        assert made[group, 3].unique().tolist() == pytest.approx([spread], rel=1e-6)
    assert MinibatchDeviation()(x[:1])[0, 3].unique().tolist() == pytest.approx([1e-4])
    assert mixes_samples(Discriminator((1, 8, 8), 2, minibatch_deviation=True))
    assert not mixes_samples(Discriminator((1, 8, 8), 2))
