"""The yamls make the networks that they describe."""

import inspect
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import nn

from steadygan.config.hydra_versions import allowing

CONF = Path(__file__).parents[2] / "conf" / "network"
IMAGE = {"latent": 3, "generator_norm": "layer", "discriminator_norm": "group", "spectral_norm": True}
CHANGES = {
    "mlp": {"latent": 3, "width": 5, "depth": 2, "activation": "tanh", "spectral_norm": True},
    "dcgan": {
        **IMAGE,
        "width": 2,
        "constant": True,
        "generator_activation": "gated",
        "discriminator_activation": "tanh",
    },
    "dcgan_mlp": {
        "latent": 3,
        "width": 2,
        "generator_width": 5,
        "generator_depth": 2,
        "generator_activation": "tanh",
        "discriminator_norm": "instance",
        "discriminator_activation": "tanh",
        "spectral_norm": True,
    },
    "resnet101": {**IMAGE, "width": 8, "layers": 14, "discriminator_norm": "batch"},
    "resnet": {**IMAGE, "width": 2, "max_width": 4},
    "wgan_gp_resnet": {**IMAGE, "width": 2, "discriminator_width": 3, "discriminator_norm": "layer", "pool": "sum"},
    "r3gan": {"latent": 3, "width": 8, "blocks": 1, "expansion": 4, "group": 4},
    "progressive": {"latent": 3, "width": 5, "minibatch_deviation": True},
}
"""Another value of each key."""
SMALL = {"dcgan": {"width": 4}, "resnet101": {"width": 4}, "resnet": {"width": 4}, "r3gan": {"width": 16}}
SMALL["wgan_gp_resnet"] = {"width": 4, "discriminator_width": 4}
"""What keeps the tests quick."""
WEIGHTS = {"generator_start": "glorot", "discriminator_start": "glorot"}
"""Keys that structure does not show."""
DCGANS = ("dcgan", "dcgan_mlp")
CHOSEN = {"dcgan_mlp"}
"""Whose values are not the defaults of constructors."""


def test_every_network_is_here_that_is_not_another_with_other_values():
    assert set(CHANGES) == {path.stem for path in CONF.glob("*.yaml") if "defaults" not in OmegaConf.load(path)}


def players(name: str, shape: tuple[int, ...], changes: dict | None = None):
    config = OmegaConf.create({"network": OmegaConf.load(CONF / f"{name}.yaml")})
    config.network.update({**SMALL.get(name, {}), **(changes or {})})
    return [
        instantiate(config.network[player], **allowing(None))(shape=shape) for player in ("generator", "discriminator")
    ]


@pytest.mark.parametrize(("name", "shape"), [("mlp", (2,)), *((name, (1, 8, 8)) for name in CHANGES)])
@pytest.mark.parametrize("changed", [False, True])
def test_players_fit_each_other(name, shape, changed):
    generator, discriminator = players(name, shape, CHANGES[name] if changed else {})
    samples = generator(torch.randn(4, generator.latent))
    assert samples.shape == (4, *shape)
    assert discriminator(samples).shape == (4,)


def described(network: torch.nn.Module) -> str:
    """Layers and sizes, and what does not show in them."""
    return f"{network} {getattr(network, 'activation', '')} {getattr(network, 'pool', '')}"


@pytest.mark.parametrize(("name", "key"), [(name, key) for name in CHANGES for key in CHANGES[name]])
def test_every_key_reaches_a_player(name, key):
    """Changing one key changes a player's structure: no key is dead."""
    before, after = (players(name, (1, 16, 16), change) for change in ({}, {key: CHANGES[name][key]}))
    assert [described(p) for p in before] != [described(p) for p in after]


def test_changes_cover_every_key():
    for name, changes in CHANGES.items():
        assert set(OmegaConf.load(CONF / f"{name}.yaml")) - WEIGHTS.keys() == {*changes, "generator", "discriminator"}


@pytest.mark.parametrize("name", sorted(CHANGES.keys() - CHOSEN))
def test_defaults_are_those_of_the_constructors(name):
    config = OmegaConf.create({"network": OmegaConf.load(CONF / f"{name}.yaml")})
    for player in ("generator", "discriminator"):
        partial = instantiate(config.network[player], **allowing(None))
        parameters = inspect.signature(partial.func).parameters.items()
        defaults = {k: p.default for k, p in parameters if k not in ("shape", "outputs", "classes")}
        assert dict(partial.keywords) == defaults


@pytest.mark.parametrize(("name", "key"), [("dcgan", "generator_start"), *((n, "discriminator_start") for n in DCGANS)])
def test_the_start_of_the_weights(name, key):
    """A deviation of 0.02 or of sqrt(4 / (fan in + fan out)), a share of the kernel's 16 places for a stride of 2."""
    for start in ("normal", "glorot"):
        player = dict(
            zip(("generator_start", "discriminator_start"), players(name, (1, 16, 16), {"width": 16, key: start}))
        )
        layer = next(m for m in player[key].modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d))
        many, few = (32, 16) if key == "generator_start" else (16, 1)  # 4 x 4 and 8 x 8; 8 x 8 and the image
        expected = 0.02 if start == "normal" else (4 / (few * 16 + many * 4)) ** 0.5
        # five standard errors of a normal sample's deviation, more than those of a uniform one's
        assert layer.weight.std().item() == pytest.approx(expected, rel=5 / (2 * layer.weight.numel()) ** 0.5)
