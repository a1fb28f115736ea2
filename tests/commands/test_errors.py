"""Hydra's errors as messages, in whatever words Hydra says them."""

import sys

import pytest
from hydra.errors import ConfigCompositionException, MissingConfigException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import ConfigAttributeError

from steadygan.config.hydra_errors import explain

OTHER = "words that no version of Hydra uses"


@pytest.fixture
def asked(monkeypatch):
    return lambda *arguments: monkeypatch.setattr(sys, "argv", ["steadygan train", *arguments])


def test_a_missing_option(asked):
    asked("loss=hing")
    said = str(explain(MissingConfigException(OTHER, "loss/hing", ["hinge", "lsgan"])))
    assert said == "loss=hing: there is no such option\nValid choices: hinge, lsgan. Did you mean 'hinge'?"
    assert "hinge, lsgan" in str(explain(MissingConfigException(OTHER, "loss/hing")))


def test_a_missing_root_config(asked):
    asked("--config-name=gama")
    assert str(explain(MissingConfigException(OTHER, "gama"))).startswith("--config-name=gama: there is no such config")
    asked("--config-dir", "mine")
    assert str(explain(MissingConfigException(OTHER, "base"))) == OTHER  # in somebody's list of defaults
    assert str(explain(MissingConfigException(OTHER))) == OTHER


def test_a_missing_key(asked):
    config = OmegaConf.create({"loss": {"alpha": 0.5}})
    OmegaConf.set_struct(config, True)
    with pytest.raises(ConfigAttributeError) as found:
        OmegaConf.update(config, "loss.alfa", 1)
    error = ConfigCompositionException(OTHER)
    error.__cause__ = found.value
    asked("seed=1", "loss.alfa=1")
    assert str(explain(error)) == "loss.alfa=1: loss has no key 'alfa'\nKeys of loss: alpha. Did you mean 'alpha'?"
    asked()  # of a sweep's file
    assert str(explain(error)).startswith("loss.alfa: loss has no key 'alfa'\nKeys of loss: alpha")


def test_an_override_that_cannot_be_read():
    assert OTHER in str(explain(OverrideParseException("a=[1", OTHER)))
    assert str(explain(OverrideParseException("a=[1", "Error parsing"))).startswith("a=[1: cannot be read")


def test_a_wrong_call_by_hydra_itself(asked):
    """Where Hydra calls its own plugins: its exception in 1.3, the call's in 1.4; ours elsewhere is a fault."""
    from hydra.utils import instantiate

    from steadygan.config.hydra_versions import allowing

    with pytest.raises(Exception, match="foo") as found:
        instantiate({"_target_": "steadygan.common.errors.bad_value", "foo": 1}, **allowing(None))
    assert "foo" in str(explain(found.value))
    with pytest.raises(TypeError) as found:
        int([])
    assert explain(found.value) is None
