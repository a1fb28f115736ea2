"""Hydra 1.3 and 1.4: no warnings, the same messages, and a foreign config behind a second lock where there is one."""

import warnings
from functools import partial

import pytest
from hydra.errors import InstantiationException

from steadygan.common.errors import UserError
from steadygan.config import instantiation
from steadygan.config.building import build
from steadygan.config.composition import compose
from steadygan.config.hydra_versions import APP, BASE, LOCKED, VERSION, allowing
from steadygan.runs import trust

R1 = {"_target_": "steadygan.core.regularizers.r1", "_partial_": True, "gamma": 1.0}
PATH = {"_target_": "pathlib.PurePath"}


def test_hydra_is_told_what_it_asks_for():
    assert ({"version_base": "1.3"} if VERSION == (1, 3) else {}) == BASE
    assert ("execution_whitelist" in APP) == (allowing(None) != {}) == LOCKED == (VERSION >= (1, 4))
    if LOCKED:
        assert allowing(["mine"])["_execution_whitelist_"][:2] == ["mine", "mine.*"]


def test_composing_and_building_warn_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        config = compose(["regularizer=[r1]", "noise=instance", "logger=none"])
        build(config)


def test_what_is_built_is_bare_whichever_hydra_made_it():
    made = instantiation.make(R1, "regularizer.r1")
    assert type(made) is partial
    assert made.keywords == {"gamma": 1.0}


@pytest.mark.skipif(not LOCKED, reason="this Hydra has no lock of its own")
def test_hydra_locks_out_what_is_not_trusted():
    with trust.only([]), pytest.raises(UserError, match=r"noise: .*pathlib\.PurePath"):
        instantiation.make(PATH, "noise")
    with trust.only(["pathlib"]):
        instantiation.make(PATH, "noise")
        assert type(instantiation.make(R1, "regularizer.r1")) is partial
    instantiation.make(PATH, "noise")


def wrapped(error):
    """As Hydra 1.3 raises it."""
    outer = InstantiationException("Error in call to target 'x'")
    outer.__cause__ = error
    return outer


@pytest.mark.parametrize("raised", [wrapped, lambda error: error], ids=["1.3", "1.4"])
@pytest.mark.parametrize("kind", [TypeError, ImportError, FileNotFoundError])
def test_a_wrong_call_is_one_message_whoever_raises_it(raised, kind, monkeypatch):
    def fail(*args, **settings):
        raise raised(kind("no such thing"))

    monkeypatch.setattr(instantiation, "instantiate", fail)
    with pytest.raises(UserError, match=r"^noise: no such thing$"):
        instantiation.make(PATH, "noise")


@pytest.mark.parametrize("raised", [wrapped, lambda error: error], ids=["1.3", "1.4"])
def test_an_objects_own_message_and_its_own_faults_pass(raised, monkeypatch):
    for error in (UserError("its own words"), RuntimeError("a fault")):
        monkeypatch.setattr(
            instantiation, "instantiate", lambda *_, error=error, **__: (_ for _ in ()).throw(raised(error))
        )
        with pytest.raises((UserError, RuntimeError, InstantiationException)) as found:
            instantiation.make(PATH, "noise")
        assert error in (found.value, found.value.__cause__)
        assert isinstance(found.value, UserError) == isinstance(error, UserError)


def test_a_refusal_without_a_cause_says_hydras_own_words(monkeypatch):
    def fail(*args, **settings):
        raise InstantiationException("Target 'x' is blocked\nmore")

    monkeypatch.setattr(instantiation, "instantiate", fail)
    with pytest.raises(UserError, match=r"^noise: Target 'x' is blocked$"):
        instantiation.make(PATH, "noise")
