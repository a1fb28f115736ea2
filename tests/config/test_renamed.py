"""Modules by the names that they had."""

import subprocess
import sys

import pytest

from steadygan.config.renamed import RENAMED, present_name, present_overrides
from steadygan.config.targets import resolve
from steadygan.core.declare import signed_as, stable_name
from steadygan.core.optimizers import Adam, AdamW, Sgld
from steadygan.runs.signature import signature


def python(text):
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    return done.returncode, done.stdout.strip(), done.stderr


def test_an_old_name_leads_to_the_same_object_with_a_warning():
    code, out, err = python(
        "from steadygan.core.rules.base import UpdateRule as old\n"
        "from steadygan.core.optimizers.base import UpdateRule as new\n"
        "import steadygan.core.optimizers.base as module\n"
        "print(old is new, module.__spec__.name)"
    )
    assert (code, out) == (0, "True steadygan.core.optimizers.base")
    assert "steadygan.core.rules is called steadygan.core.optimizers now" in err


@pytest.mark.parametrize("old", RENAMED)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_every_old_name_can_be_imported(old):
    assert resolve(old).__name__ == RENAMED[old]


def test_names_that_are_nobodys_are_left_alone():
    assert present_name("my_gan.engines.run") == "my_gan.engines.run"
    assert present_name("steadygan.builders") == "steadygan.builders"
    assert present_name("steadygan.engines.schemes.Plain") == "steadygan.training.schemes.Plain"
    code, _, err = python("import steadygan.nothing")
    assert code == 1
    assert "No module named 'steadygan.nothing'" in err


def test_a_moved_object_is_signed_with_its_first_name():
    name = "steadygan.core.optimizers.Adam.optimizer"
    assert stable_name(resolve(name), name) == "steadygan.core.rules.Adam.optimizer"
    assert stable_name(Sgld, "steadygan.core.optimizers.Sgld") == "steadygan.core.rules.Sgld"
    assert stable_name(AdamW, "steadygan.core.optimizers.AdamW") == "steadygan.core.rules.AdamW"


def test_what_inherits_from_a_moved_object_is_something_else():
    class Mine(Adam):
        pass

    assert stable_name(Mine, "my_gan.Mine") == "my_gan.Mine"
    assert stable_name(Mine.optimizer, "my_gan.Mine.optimizer") == "my_gan.Mine.optimizer"


def test_a_moved_function_is_signed_with_its_first_name():
    @signed_as("steadygan.old.thing")
    def thing():
        pass

    assert stable_name(thing, "steadygan.new.thing") == "steadygan.old.thing"


def test_old_and_new_names_sign_alike():
    node = {"_target_": "steadygan.core.optimizers.Adam.optimizer", "_partial_": True, "lr": 1e-3}
    old = {**node, "_target_": "steadygan.core.rules.Adam.optimizer"}
    other = {**node, "_target_": "steadygan.core.optimizers.AdamW.optimizer"}
    signed = [signature({"optimizer": {"generator": each}}) for each in (node, old, other)]
    assert signed[0] == signed[1] != signed[2]


def test_a_key_that_was_renamed_is_still_heard():
    given = ["logger=csv", "++logger.logger.name=mine", "seed=logger.logger.name"]
    with pytest.warns(FutureWarning, match=r"logger\.logger\.name is called \+\+logger\.name now"):
        assert present_overrides(given) == ["logger=csv", "++logger.name=mine", "seed=logger.logger.name"]


def test_a_key_of_another_choice_is_left_alone():
    assert present_overrides(["logger=mine", "logger.logger.name=mine"]) == ["logger=mine", "logger.logger.name=mine"]
