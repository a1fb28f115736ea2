"""Batch normalisation by class against torch's own, and as it is handed on."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call

from steadygan.common.errors import UserError
from steadygan.networks.layers.norms import (
    BatchNorm,
    Chain,
    ClassBatchNorm,
    generator_norm,
    mixes_samples,
    synchronised,
)

CLASSES, CHANNELS = 3, 2
LABEL = torch.tensor([2, 0, 1, 2])


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def layer_with_tables():
    layer = ClassBatchNorm(CHANNELS, CLASSES).double()
    with torch.no_grad():
        layer.weight.copy_(draw(CLASSES, CHANNELS, seed=1))
        layer.bias.copy_(draw(CLASSES, CHANNELS, seed=2))
    return layer


def code(label=LABEL):
    return F.one_hot(label, CLASSES).double()


@pytest.mark.parametrize("shape", [(4, CHANNELS), (4, CHANNELS, 3, 5)])
def test_it_is_torchs_normalisation_with_the_classs_scale_and_shift(shape):
    ours = layer_with_tables()
    theirs = (nn.BatchNorm1d if len(shape) == 2 else nn.BatchNorm2d)(CHANNELS, affine=False).double()
    for training in (True, True, False):
        ours.train(training)
        theirs.train(training)
        x = 3 * draw(*shape, seed=3) - 1
        expected = torch.stack(
            [
                torch.stack([ours.weight[c, k] * image[k] + ours.bias[c, k] for k in range(CHANNELS)])
                for c, image in zip(LABEL, theirs(x))
            ]
        )
        torch.testing.assert_close(ours(x, code()), expected, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(ours.norm.running_var, theirs.running_var, rtol=1e-12, atol=1e-12)


def test_it_starts_as_batch_normalisation():
    x = draw(4, CHANNELS, 3, 3)
    torch.testing.assert_close(
        ClassBatchNorm(CHANNELS, CLASSES).double()(x, code()), BatchNorm(CHANNELS).double()(x), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("training", [True, False])
def test_gradients(training):
    layer = layer_with_tables().train(training)

    def call(x, weight, bias):
        return functional_call(layer, {"weight": weight, "bias": bias}, (x, code()))

    inputs = [draw(4, CHANNELS, 2, 2), draw(CLASSES, CHANNELS, seed=1), draw(CLASSES, CHANNELS, seed=2)]
    inputs = [value.requires_grad_() for value in inputs]
    assert torch.autograd.gradcheck(call, inputs)
    assert torch.autograd.gradgradcheck(call, inputs)


def test_only_the_rows_of_classes_that_are_there_have_a_gradient():
    layer = layer_with_tables()
    layer(draw(4, CHANNELS), code(torch.tensor([2, 0, 0, 2]))).pow(3).sum().backward()
    for table in (layer.weight, layer.bias):
        assert table.grad[1].eq(0).all()
        assert table.grad[[0, 2]].ne(0).all()


def test_two_processes_normalise_as_one():
    """Each has half of the batch, and is handed the statistics of both."""
    x = draw(4, CHANNELS, 3, 3)
    whole = layer_with_tables()(x, code())

    def statistics(part):
        return torch.stack([part.mean((0, 2, 3)), part.var((0, 2, 3), correction=0)])

    parts = x.split(2)
    for own, label, expected in zip(parts, LABEL.split(2), whole.split(2)):
        with synchronised(lambda _: torch.stack([statistics(part) for part in parts])):
            layer = layer_with_tables()
            torch.testing.assert_close(layer(own, code(label)), expected, rtol=1e-12, atol=1e-12)


def test_a_chain_tells_those_that_are_told():
    layer, relu = layer_with_tables(), nn.ReLU()
    x = draw(4, CHANNELS)
    chain = Chain(nn.Identity(), Chain(layer, relu))
    torch.testing.assert_close(chain(x, code()), relu(layer(x, code())))
    assert mixes_samples(chain)
    plain = Chain(nn.Linear(CHANNELS, 3).double(), relu)
    torch.testing.assert_close(plain(x), nn.Sequential(*plain)(x))


def test_what_the_key_of_the_generator_makes():
    assert generator_norm("none", None) is None
    assert isinstance(generator_norm("batch", None)(4), BatchNorm)
    assert generator_norm("batch", 5)(4).weight.shape == (5, 4)
    with pytest.raises(UserError, match=r"labels\.generator=batch_norm.*generator_norm=layer(.|\n)*concatenate"):
        generator_norm("layer", 5)
