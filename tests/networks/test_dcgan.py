"""DCGAN's sizes by hand, its start, its errors, and its forward pass written out."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from steadygan.common.errors import UserError
from steadygan.networks.dcgan import Discriminator, Generator, filters
from steadygan.networks.layers.norms import BatchNorm
from steadygan.networks.layers.spectral import spectral_value


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_filters_double_up_to_eight_times():
    assert filters((1, 8, 8), 5) == [5]
    assert filters((3, 64, 64), 64) == [64, 128, 256, 512]
    assert filters((3, 256, 256), 2) == [2, 4, 8, 16, 16, 16]


def test_sizes_of_the_papers_network_by_hand():
    """64 x 64 with 128 filters: 1024 x 4 x 4 from 100 numbers, as in figure 1 of Radford et al."""
    generator, discriminator = Generator((3, 64, 64), 100, 128), Discriminator((3, 64, 64), 128, norm="batch")
    norms = 2 * (1024 + 512 + 256 + 128)
    up = 16 * (1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3) + 3
    assert count(generator) == 100 * 1024 * 16 + norms + up
    down = 16 * (3 * 128 + 128 * 256 + 256 * 512 + 512 * 1024) + 128
    assert count(discriminator) == down + 2 * (256 + 512 + 1024) + 1024 * 16 + 1


def test_sizes_without_norms_by_hand():
    """8 x 8: one convolution each way; 16 x 16: two, each with its bias."""
    assert count(Generator((1, 8, 8), 3, 5, norm="none")) == 4 * 80 + (5 * 16 + 1)
    assert count(Discriminator((1, 8, 8), 5)) == (16 + 1) * 5 + 80 + 1
    assert count(Discriminator((1, 16, 16), 5, norm="none")) == (16 + 1) * 5 + (5 * 16 + 1) * 10 + 160 + 1


@pytest.mark.parametrize("size", [8, 16, 32, 64, 128, 256])
def test_every_size_there_is(size):
    """Shapes, the range of tanh, and that each logit sees its own sample only."""
    generator, discriminator = Generator((3, size, size), 4, 1), Discriminator((3, size, size), 1)
    images = generator(torch.randn(2, 4))
    assert images.shape == (2, 3, size, size)
    assert images.abs().max() < 1
    images = images.detach().requires_grad_()
    logits = discriminator(images)
    assert logits.shape == (2,)
    (gradient,) = torch.autograd.grad(logits[0], images)
    assert gradient[0].abs().sum() > 0
    assert gradient[1].abs().sum() == 0


@pytest.mark.parametrize("channels_last", [False, True])
def test_discriminator_written_out(channels_last):
    network = Discriminator((2, 16, 16), 3, norm="batch").double()
    x = draw(4, 2, 16, 16)
    first, second = (layer for layer in network.modules() if isinstance(layer, nn.Conv2d))
    hidden = F.leaky_relu(F.conv2d(x, first.weight, first.bias, stride=2, padding=1), 0.2)
    hidden = F.conv2d(hidden, second.weight, stride=2, padding=1)
    mean, var = hidden.mean((0, 2, 3), keepdim=True), hidden.var((0, 2, 3), unbiased=False, keepdim=True)
    hidden = F.leaky_relu((hidden - mean) / (var + 1e-5).sqrt(), 0.2)
    expected = torch.einsum("bchw,chw->b", hidden, network.logit.weight.reshape(6, 4, 4)) + network.logit.bias
    if channels_last:
        x = x.to(memory_format=torch.channels_last)
    torch.testing.assert_close(network(x), expected)


def test_generator_written_out():
    network = Generator((2, 16, 16), 5, 3).double()
    z = draw(4, 5)

    def norm(x):
        mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), unbiased=False, keepdim=True)
        return (x - mean) / (var + 1e-5).sqrt()

    first, second = (layer for layer in network.modules() if isinstance(layer, nn.ConvTranspose2d))
    # row, column, channel: the order of the projection's outputs
    hidden = torch.einsum("bl,hwcl->bchw", z, network.project.weight.reshape(4, 4, 6, 5))
    hidden = F.conv_transpose2d(F.relu(norm(hidden)), first.weight, stride=2, padding=1)
    hidden = F.conv_transpose2d(F.relu(norm(hidden)), second.weight, second.bias, stride=2, padding=1)
    torch.testing.assert_close(network(z), torch.tanh(hidden))


def test_where_norms_stand():
    """None on the generator's output and the discriminator's input (Radford et al., section 3)."""
    norms = [m.weight.numel() for m in Generator((3, 32, 32), 4, 2).modules() if isinstance(m, BatchNorm)]
    assert norms == [8, 4, 2]
    network = Discriminator((3, 32, 32), 2, norm="batch")
    assert [m.weight.numel() for m in network.modules() if isinstance(m, BatchNorm)] == [4, 8]
    assert not any(isinstance(m, BatchNorm) for m in Discriminator((3, 32, 32), 2).modules())


def test_start_is_normal_with_deviation_002():
    for network in (Generator((3, 32, 32), 64, 16), Discriminator((3, 32, 32), 16, spectral_norm=True)):
        for layer in network.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                n = layer.weight.numel()
                # five standard errors of a mean and of a standard deviation
                assert abs(layer.weight.mean().item()) < 5 * 0.02 / n**0.5
                assert abs(layer.weight.std().item() - 0.02) < 5 * 0.02 / (2 * n) ** 0.5
                assert layer.bias is None or layer.bias.eq(0).all()


def test_spectral_vectors_belong_to_the_weights_after_the_start():
    network = Discriminator((3, 16, 16), 8, spectral_norm=True)
    for layer in (m for m in network.modules() if hasattr(m, "u")):
        matrix = layer.weight.detach().flatten(1)
        sigma, _ = spectral_value(matrix, layer.u)
        assert sigma.item() == pytest.approx(torch.linalg.svdvals(matrix)[0].item(), rel=1e-5)


@pytest.mark.parametrize("shape", [(2,), (1, 4, 4), (1, 28, 28), (3, 32, 64), (3, 512, 512), (8, 8)])
@pytest.mark.parametrize("player", [Generator, Discriminator])
def test_shapes_that_cannot_be(player, shape):
    with pytest.raises(UserError) as error:
        player(shape)
    message = str(error.value)
    for word in ("network=dcgan", "dataset", "8x8", "256x256", "x".join(map(str, shape))):
        assert word in message


@pytest.mark.parametrize("key", ["latent", "width"])
@pytest.mark.parametrize("value", [0, 1.5, True])
def test_sizes_that_cannot_be(key, value):
    with pytest.raises(UserError, match=rf"network\.{key}={value}: must be a whole number"):
        Generator((1, 8, 8), **{key: value})


def test_unknown_norms_name_their_key():
    with pytest.raises(UserError, match=r"network\.generator_norm=bach(.|\n)*'batch'"):
        Generator((1, 8, 8), norm="bach")
    with pytest.raises(UserError, match=r"network\.discriminator_norm=spectral(.|\n)*instance"):
        Discriminator((1, 8, 8), norm="spectral")
