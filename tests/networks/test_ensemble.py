"""Stacked networks against each of them by itself."""

import pytest
import torch
from torch import nn

from steadygan.networks import dcgan, mlp
from steadygan.networks.ensemble import Ensemble
from steadygan.networks.layers.norms import BatchNorm


def mlps():
    return [mlp.Discriminator((2,), width=5, depth=3, spectral_norm=True).double() for _ in range(3)]


def convs():
    return [dcgan.Discriminator(shape=(1, 8, 8), width=2).double() for _ in range(3)]


def normalised():
    return [nn.Sequential(nn.Linear(2, 4), BatchNorm(4), nn.Linear(4, 1), nn.Flatten(0)).double() for _ in range(3)]


@pytest.mark.parametrize(("build", "shape"), [(mlps, (2,)), (convs, (1, 8, 8)), (normalised, (2,))])
def test_members_see_their_own_part(build, shape):
    torch.manual_seed(0)
    members = build()
    ensemble = Ensemble(members)
    x = torch.randn(12, *shape, dtype=torch.float64)
    together = ensemble(x)
    alone = torch.cat([member(part) for member, part in zip(members, x.split(4))])
    torch.testing.assert_close(together, alone, rtol=1e-12, atol=1e-12)
    buffers = dict(ensemble.named_buffers())
    for place, member in enumerate(members):  # each has changed its own, as by itself
        for name, value in member.named_buffers():
            torch.testing.assert_close(buffers[f"member.{name}"][place], value)


def test_gradients_are_the_members_own():
    torch.manual_seed(0)
    members = mlps()
    ensemble = Ensemble(members)
    x = torch.randn(12, 2, dtype=torch.float64)
    ensemble(x).square().sum().backward()
    for member, part in zip(members, x.split(4)):
        member(part).square().sum().backward()
    for name, param in ensemble.named_parameters():
        own = [dict(member.named_parameters())[name.removeprefix("member.")].grad for member in members]
        torch.testing.assert_close(param.grad, torch.stack(own), rtol=1e-12, atol=1e-12)


def test_evaluation_reaches_the_members():
    torch.manual_seed(0)
    members = normalised()
    ensemble = Ensemble(members).eval()
    x = torch.randn(6, 2, dtype=torch.float64)
    alone = torch.cat([member.eval()(part) for member, part in zip(members, x.split(2))])
    torch.testing.assert_close(ensemble(x), alone)
