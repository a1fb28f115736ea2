"""Each metric's config builds it, under its own name, with the defaults that the class has."""

import inspect

import pytest
from hydra.utils import get_class, instantiate
from omegaconf import OmegaConf

from steadygan.common.paths import conf_dir
from steadygan.config.hydra_versions import allowing
from steadygan.data.digits import Digits
from steadygan.data.mixtures import Ring
from steadygan.metrics.features.metric import network_for
from steadygan.metrics.fits import fitting

NAMES = ["modes", "exact_density", "wasserstein", "fid", "inception_score"]
IMAGES = ["fid_test", "kid", "precision_recall", "density_coverage", "fid_infinity", "intra_fid", "class_histogram",
          "confidence"]  # fmt: skip


OF_THEIR_NAME = {
    **dict.fromkeys(("fid", "fid_test"), ("split", "against")),
    **dict.fromkeys(("precision_recall", "density_coverage"), ("k", "k")),
}


def keywords(function):
    parameters = inspect.signature(function).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters if parameter.name != "dataset"}


def whole(name):
    """The option's file with what all metrics share."""
    files = [OmegaConf.load(conf_dir() / path) for path in ("config.yaml", f"metrics/{name}.yaml")]
    config = OmegaConf.create({"metrics": OmegaConf.merge(files[0].metrics, files[1])})
    OmegaConf.resolve(config)
    return {name: config.metrics[name]}


@pytest.fixture(autouse=True)
def _cache(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("STEADYGAN_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.mark.parametrize("name", [*NAMES, *IMAGES])
def test_config_and_class_agree(name):
    path = conf_dir() / "metrics" / f"{name}.yaml"
    assert path.read_text().startswith("# ")
    assert list(OmegaConf.load(path)) == [name]
    config = whole(name)
    kind = get_class(config[name]["_target_"])
    defaults = keywords(kind)
    if "network" in defaults:  # handed on
        del defaults["network"]
        defaults |= {key: value for key, value in keywords(network_for).items() if key != "name"}
    if name in OF_THEIR_NAME:  # heirs of one class differ in what None stands for
        key, attribute = OF_THEIR_NAME[name]
        assert defaults[key] is None
        defaults[key] = getattr(kind, attribute)
    assert {key: value for key, value in config[name].items() if not key.startswith("_")} == defaults


@pytest.mark.parametrize("name", [*NAMES, *IMAGES])
def test_builds_for_the_data_that_it_fits(name):
    partial = instantiate(whole(name), **allowing(None))[name]
    (dataset,) = [
        each for each in (Ring(), Digits()) if name in fitting(each) or (name in IMAGES and hasattr(each, "examples"))
    ]
    metric = partial(dataset=dataset)
    assert metric.samples == partial.keywords["samples"] == metric.provenance["samples"]
    assert set(metric.directions.values()) <= {"max", "min"}
