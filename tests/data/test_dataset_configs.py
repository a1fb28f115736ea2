"""The yaml of each data set against its class."""

import dataclasses
import inspect

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from steadygan.common.paths import conf_dir
from steadygan.config.hydra_versions import allowing
from steadygan.config.targets import resolve
from steadygan.core.declare import declared

NAMES = ["gaussian", "mixture1d", "ring", "grid", "line", "circle", "four_lines", "digits", "mnist", "stacked_mnist"]

FROM_FILES = ["cifar10", "celeba", "lsun", "folder", "parquet", "huggingface"]

OPTIONS = sorted(path.stem for path in (conf_dir() / "dataset").glob("*.yaml"))


def load(name):
    config = OmegaConf.load(conf_dir() / "dataset" / f"{name}.yaml")
    config.pop("defaults", None)
    return config


def test_every_data_set_is_here():
    assert sorted([*NAMES, *FROM_FILES]) == OPTIONS
    assert sorted(METRICS) == OPTIONS


@pytest.mark.parametrize("name", OPTIONS)
def test_the_keys_are_the_constructors(name):
    config = load(name)
    parameters = inspect.signature(resolve(config.pop("_target_"))).parameters
    assert set(config) == set(parameters)


@pytest.mark.parametrize("name", NAMES)
def test_numbers_have_ranges_that_hold_their_defaults(name):
    config = load(name)
    ranges = declared(resolve(config.pop("_target_")), "ranges")
    numbers = {k: v for k, v in config.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    assert set(ranges) == set(numbers)
    assert all(value in ranges[key] for key, value in numbers.items())
    assert all(0 not in ranges[key] for key in numbers if key != "mean")


@pytest.mark.parametrize("name", [name for name in NAMES if "mnist" not in name])
def test_it_builds_what_it_says(name):
    config = load(name)
    data = instantiate(config, **allowing(None))
    assert data.num_data == config.num_data
    for key in set(config) & set(vars(data)):
        assert getattr(data, key) == config[key]


@pytest.mark.parametrize("name", FROM_FILES)
def test_defaults_and_ranges_of_images_from_files(name):
    config = load(name)
    kind = resolve(config.pop("_target_"))
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    differ = {key for key, value in OmegaConf.to_container(config, resolve=True).items() if value != defaults[key]}
    assert differ <= {"root", "categories", "num_data"}
    assert all(config[key] in allowed for key, allowed in declared(kind, "ranges").items())


@pytest.mark.parametrize("name", OPTIONS)
def test_the_first_line_says_what_it_is(name):
    first, *_ = (conf_dir() / "dataset" / f"{name}.yaml").read_text().splitlines()
    assert first.startswith("# ")


METRICS = {
    **{name: ["wasserstein"] for name in ("gaussian", "line", "circle", "four_lines")},
    **{name: ["fid", "inception_score"] for name in ("digits", "mnist")},
    "stacked_mnist": ["stacked_modes"],
    "cifar10": ["fid", "sliced_wasserstein"],
    **{name: ["sliced_wasserstein"] for name in FROM_FILES[1:]},
    **dict.fromkeys(("mixture1d", "ring", "grid"), None),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_the_metrics_follow_from_the_data(name):
    defaults = OmegaConf.load(conf_dir() / "dataset" / f"{name}.yaml").get("defaults", [])
    asked = [entry["override /metrics@_global_.metrics"] for entry in defaults]
    assert asked == ([] if METRICS[name] is None else [METRICS[name]])
