"""The yamls of losses, penalties, noise, rules and schedules make what they describe."""

import dataclasses
import inspect
from functools import partial
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf

from steadygan.config.hydra_versions import BASE, allowing
from steadygan.core import settings
from steadygan.core.declare import declared
from steadygan.training.batches import ENGINE_KEYS

CONF = Path(__file__).parents[2] / "conf"
GROUPS = {
    group: sorted(path.stem for path in (CONF / group).glob("*.yaml"))
    for group in ("loss", "regularizer", "noise", "optimizer", "schedule")
}
RAMPS = sorted({*GROUPS["schedule"]} - {"constant", "polynomial"})
"""Schedules from one value to another."""
OPTIONS = [(group, name) for group, names in GROUPS.items() for name in names]


def node(group, name):
    """The option's config, without the engine's keys."""
    config = OmegaConf.create(
        {"iterations": 5000, "horizon": 5000, "batch_size": 256, group: OmegaConf.load(CONF / group / f"{name}.yaml")}
    )
    config = OmegaConf.to_container(config, resolve=True)[group]
    config = config[name] if group == "regularizer" else config
    return {key: value for key, value in config.items() if key not in ENGINE_KEYS.get(group, ())}


def method(group, name):
    """The dataclass, or the partial of a function, that a run would use."""
    made = instantiate(node(group, name), **allowing(None))
    return made([torch.zeros(2, requires_grad=True)]).rule if group == "optimizer" else made


def test_options_are_found():
    assert all(len(names) > 6 for names in GROUPS.values())


@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_the_yaml_sets_every_setting_within_its_range(group, name):
    made = method(group, name)
    keys = {key for key in node(group, name) if not key.startswith("_")}
    if isinstance(made, partial):
        parameters = inspect.signature(made.func).parameters.values()
        assert keys == {p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
    else:
        assert keys == {field.name for field in dataclasses.fields(made)}
    ranges = declared(made, "ranges", {})
    assert set(settings.hyperparameters(made)) == set(ranges)
    assert all(value in ranges[key] for key, value in settings.hyperparameters(made).items())


@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_the_yaml_opens_with_a_comment(group, name):
    assert (CONF / group / f"{name}.yaml").read_text().startswith("# ")


@pytest.mark.parametrize("name", RAMPS)
def test_a_schedule_takes_the_place_of_a_number(name):
    with initialize_config_dir(str(CONF), **BASE):
        config = compose(
            overrides=[
                "+loss=lsgan",
                f"+schedule@loss.alpha={name}",
                "loss.alpha.start=0.1",
                "loss.alpha.end=0.5",
                "loss.alpha.begin=100",
                "+iterations=300",
                "+horizon=300",
            ]
        )
    schedule = instantiate(config.loss, **allowing(None)).alpha
    assert [schedule(t).item() for t in (99, 300)] == [0.1, 0.5]
    assert settings.at(instantiate(config.loss, **allowing(None)), 300).alpha.item() == 0.5
