"""The yamls make the networks that they describe."""

import inspect
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

CONF = Path(__file__).parents[2] / "conf" / "network"
CHANGES = {
    "mlp": {"latent": 3, "width": 5, "depth": 2, "activation": "tanh", "spectral_norm": True},
    "dcgan": {"latent": 3, "width": 2, "generator_norm": "layer", "discriminator_norm": "group", "spectral_norm": True},
}


def players(name: str, shape: tuple[int, ...], changes: dict | None = None):
    config = OmegaConf.create({"network": OmegaConf.load(CONF / f"{name}.yaml")})
    config.network.update(changes or {})
    return [instantiate(config.network[player])(shape=shape) for player in ("generator", "discriminator")]


@pytest.mark.parametrize(("name", "shape"), [("mlp", (2,)), ("mlp", (1, 8, 8)), ("dcgan", (1, 8, 8))])
@pytest.mark.parametrize("changed", [False, True])
def test_players_fit_each_other(name, shape, changed):
    generator, discriminator = players(name, shape, CHANGES[name] if changed else {})
    samples = generator(torch.randn(4, generator.latent))
    assert samples.shape == (4, *shape)
    assert discriminator(samples).shape == (4,)


def described(network: torch.nn.Module) -> str:
    """Layers and sizes, and what does not show in them."""
    return f"{network} {getattr(network, 'activation', '')}"


@pytest.mark.parametrize(("name", "key"), [(name, key) for name in CHANGES for key in CHANGES[name]])
def test_every_key_reaches_a_player(name, key):
    """Changing one key changes a player's structure: no key is dead."""
    before, after = (players(name, (1, 16, 16), change) for change in ({}, {key: CHANGES[name][key]}))
    assert [described(p) for p in before] != [described(p) for p in after]


def test_changes_cover_every_key():
    for name, changes in CHANGES.items():
        assert set(OmegaConf.load(CONF / f"{name}.yaml")) == {*changes, "generator", "discriminator"}


@pytest.mark.parametrize("name", CHANGES)
def test_defaults_are_those_of_the_constructors(name):
    config = OmegaConf.create({"network": OmegaConf.load(CONF / f"{name}.yaml")})
    for player in ("generator", "discriminator"):
        partial = instantiate(config.network[player])
        parameters = inspect.signature(partial.func).parameters.items()
        defaults = {k: p.default for k, p in parameters if k not in ("shape", "outputs")}
        assert dict(partial.keywords) == defaults
