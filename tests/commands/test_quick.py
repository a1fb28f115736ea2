"""``steadygan sweep NAME --quick``."""

from pathlib import Path

import pytest
import yaml

from steadygan import cli
from steadygan.commands.shared import quick
from steadygan.common.errors import UserError
from steadygan.config import listing as config_listing

OWN = """# Why?
defaults: [config, _self_]
hydra: {sweeper: {params: {seed: "range(0,5)"}, quick: {seed: "0,1", iterations: 3, retry: true, rate: 1.0e-05}}}
"""


def known(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return {name: [folder / f"{name}.yaml"] for name in files}


def test_the_users_own_words_win(tmp_path):
    sweeps = known(tmp_path, own=OWN)
    assert quick.overrides("own", sweeps, []) == ["seed=0,1", "iterations=3", "retry=true", "rate=1e-05"]
    assert quick.overrides("own", sweeps, ["++iterations=9", "a=b"]) == ["seed=0,1", "retry=true", "rate=1e-05"]


def test_a_sweep_that_builds_on_another_has_its_quick_version(tmp_path):
    more = (
        "# And?\ndefaults: [own, override loss: hinge, _self_]\nhydra: {sweeper: {quick: {iterations: 7, x: null}}}\n"
    )
    sweeps = known(tmp_path, own=OWN, more=more, plain="# And?\ndefaults: [more]\n", none="# ?\ndefaults: [config]\n")
    expected = ["seed=0,1", "iterations=7", "retry=true", "rate=1e-05", "x=null"]
    assert quick.overrides("more", sweeps, []) == quick.overrides("plain", sweeps, []) == expected
    with pytest.raises(UserError, match=r"(?s)sweep=none --quick: .*Valid choices: more, own, plain$"):
        quick.overrides("none", sweeps, [])


def test_every_key_of_a_shipped_quick_version_can_be_set(plain):
    found = []
    for name, paths in config_listing.sweeps().items():
        stated = quick.settings(name, config_listing.sweeps())
        content = yaml.safe_load(paths[0].read_text())
        chosen = [f"{key.removeprefix('override ')}={value}" for entry in content["defaults"] if isinstance(entry, dict)
                  for key, value in entry.items()]  # fmt: skip
        choices = [choice.replace("'", "").replace(" ", "") for choice in chosen]
        keys = [f"{key}={str(value).split(',')[0]}" for key, value in stated.items() if "range" not in str(value)]
        if not stated:
            continue
        found.append(name)
        composed = plain(*choices, *keys)
        if "iterations" in stated:
            assert composed["iterations"] == stated["iterations"] < 5000
        else:  # its settings have numbers of iterations of their own
            assert "${" in content["iterations"]
    assert {"robustness", "stabilizers", "gamma", "blur", "alpha", "sgld_step"} <= set(found)


def test_a_config_that_is_printed_is_that_of_the_quick_version(capsys):
    assert quick.single(["a=1,2", "b=range(0,3)", "c=3", "d=[r1,r2]", "e='x,y'"]) == ["c=3", "d=[r1,r2]", "e='x,y'"]
    assert cli.main(["sweep", "robustness", "--quick", "--cfg", "job"]) == 0
    config = yaml.safe_load(capsys.readouterr().out)
    assert (config["name"], config["iterations"], config["dataset"]["sigma"]) == ("robustness-quick", 2000, 0.05)


def test_hydra_is_told_the_quick_version_with_a_folder_of_its_own(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "own.yaml").write_text(OWN.replace(", rate: 1.0e-05", ""))
    reported = {}

    def run(config_name, arguments, asked, request):
        reported.update(name=config_name, arguments=arguments, asked=asked)

    monkeypatch.setattr("steadygan.commands.shared.hydra_app.run", run)
    assert cli.main(["sweep", "--config-dir", "mine", "own", "--quick", "iterations=5"]) == 0, capsys.readouterr().err
    assert reported["name"] == "own"
    assert reported["arguments"] == [
        "--multirun", "name=own-quick", "seed=0,1", "retry=true", "--config-dir", "mine", "iterations=5",
    ]  # fmt: skip
    assert reported["asked"][-2:] == ["--quick", "iterations=5"]
    assert cli.main(["sweep", "gamma", "seed=1"]) == 0
    assert "--quick" not in reported["arguments"]
    assert "name=gamma" in reported["arguments"]
    assert cli.main(["sweep", "gamma", "--quick", "name=x"]) == 0
    assert [text for text in reported["arguments"] if text.startswith("name=")] == ["name=x"]


def test_a_mistake_with_the_flag_is_the_users(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    Path("mine/none.yaml").write_text("# ?\ndefaults: [config]\n")
    assert cli.main(["sweep", "none", "--config-dir", "mine", "--quick"]) == 2
    assert "robustness" in capsys.readouterr().err
    assert cli.main(["sweep", "gama", "--quick"]) == 2


def test_the_help_says_what_it_is(capsys):
    assert cli.main(["sweep", "--help"]) == 0
    said = capsys.readouterr().out
    assert "NAME-quick" in said
    assert "steadygan sweep robustness --quick" in said
