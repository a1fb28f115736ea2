"""Batch normalisation against torch's own module, the others against their definition."""

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, vmap

from steadygan.networks.layers.norms import (
    NORMS,
    BatchNorm,
    group_norm,
    instance_norm,
    layer_norm,
    synchronised,
    unsynchronised,
)


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def pair(channels: int, reference: type[nn.Module]) -> tuple[nn.Module, nn.Module]:
    """Ours and torch's with the same scale and shift."""
    ours, theirs = BatchNorm(channels).double(), reference(channels).double()
    with torch.no_grad():
        for layer in (ours, theirs):
            layer.weight.copy_(draw(channels, seed=1))
            layer.bias.copy_(draw(channels, seed=2))
    return ours, theirs


@pytest.mark.parametrize(("shape", "reference"), [((6, 3), nn.BatchNorm1d), ((4, 3, 2, 5), nn.BatchNorm2d)])
def test_batch_norm_is_torchs_in_training_and_evaluation(shape, reference):
    ours, theirs = pair(3, reference)
    for step in range(3):
        x = 2 * draw(*shape, seed=step) + 1
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(ours.running_mean, theirs.running_mean, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(ours.running_var, theirs.running_var, rtol=1e-12, atol=1e-12)
    before = ours.running_mean
    ours.eval()
    theirs.eval()
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-12, atol=1e-12)
    assert ours.running_mean is before


def test_batch_norm_by_hand():
    layer = BatchNorm(1, eps=1e-12).double()
    out = layer(torch.tensor([[1.0], [3.0]], dtype=torch.float64))
    assert out.flatten().tolist() == pytest.approx([-1.0, 1.0])
    assert layer.running_mean.item() == pytest.approx(0.1 * 2)  # the batch's mean
    assert layer.running_var.item() == pytest.approx(0.9 * 1 + 0.1 * 2)  # the unbiased variance


def test_new_statistics_come_back_in_the_dict_and_old_tensors_stay():
    layer = BatchNorm(3).double()
    state = {**dict(layer.named_parameters()), **dict(layer.named_buffers())}
    old = state["running_mean"]
    x = draw(8, 3) + 5
    functional_call(layer, state, (x,))
    torch.testing.assert_close(state["running_mean"], 0.1 * x.mean(0))
    assert old.eq(0).all()
    assert layer.running_mean is old


def test_new_statistics_come_back_under_vmap_and_grad():
    layer = BatchNorm(3).double()
    params = {"weight": draw(2, 3, seed=1), "bias": draw(2, 3, seed=2)}
    buffers = {"running_mean": torch.zeros(2, 3).double(), "running_var": torch.ones(2, 3).double()}
    x = draw(2, 8, 3) + 5

    def loss(params, buffers, x):
        state = {**params, **buffers}
        out = functional_call(layer, state, (x,))
        return out.pow(3).sum(), {name: state[name] for name in buffers}

    _, after = vmap(grad(loss, has_aux=True))(params, buffers, x)
    torch.testing.assert_close(after["running_mean"], 0.1 * x.mean(1))
    torch.testing.assert_close(after["running_var"], 0.9 + 0.1 * x.var(1))
    assert buffers["running_mean"].eq(0).all()


@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_gradients(training):
    layer = BatchNorm(2).double().train(training)
    layer.running_mean, layer.running_var = draw(2, seed=3), draw(2, seed=4).square() + 0.5

    def call(x, weight, bias):
        return functional_call(layer, {"weight": weight, "bias": bias}, (x,))

    inputs = [t.requires_grad_() for t in (draw(3, 2, 2, 2), draw(2, seed=1), draw(2, seed=2))]
    assert torch.autograd.gradcheck(call, inputs)
    assert torch.autograd.gradgradcheck(call, inputs)


@pytest.mark.parametrize(
    ("norm", "channels", "groups"),
    [(instance_norm, 32, 32), (group_norm, 32, 2), (group_norm, 24, 3), (layer_norm, 32, 1)],
)
def test_other_norms_by_definition(norm, channels, groups):
    layer = norm(channels).double()
    x = draw(2, channels, 3, 3)
    parts = x.reshape(2, groups, -1)
    expected = (parts - parts.mean(2, keepdim=True)) / (parts.var(2, unbiased=False, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(layer(x), expected.reshape(x.shape), rtol=1e-10, atol=1e-10)
    assert layer.weight.shape == layer.bias.shape == (channels,)


def test_the_norms_that_the_keys_name():
    assert set(NORMS) == {"batch", "instance", "group", "layer", "none"}


def test_what_one_process_computes_by_itself_asks_nobody():
    def gather(x):
        raise AssertionError("there is nobody")

    layer, x = BatchNorm(3), torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    expected = layer(x)
    with synchronised(gather):
        with unsynchronised():
            assert torch.equal(layer(x), expected)
        with pytest.raises(AssertionError, match="nobody"):
            layer(x)
