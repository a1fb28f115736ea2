"""The page of the methods names every option with the defaults that its yaml has."""

import re
from pathlib import Path

import pytest
import yaml

from steadygan.common.paths import conf_dir
from steadygan.training.batches import ENGINE_KEYS

PAGE = (Path(__file__).parents[1] / "docs" / "methods.md").read_text()
GROUPS = ("loss", "regularizer", "noise", "game")
DERIVED = {("ada", "batch_size")}
"""Keys whose value is another's."""


def rows(group):
    """The cells of each row of the group's table, by option."""
    table = re.search(rf"(?:^\| `{group}` \|.*\n)(?:^\|.*\n)+", PAGE, flags=re.MULTILINE).group().splitlines()[2:]
    return {cells[0].strip("` "): cells for line in table for cells in [line.strip("| ").split(" | ")]}


def settings(group, option):
    node = yaml.safe_load((conf_dir() / group / f"{option}.yaml").read_text())
    node = node[option] if group == "regularizer" else node
    hidden = {"every"} if group == "regularizer" else set()
    return {k: v for k, v in node.items() if k[0] != "_" and k not in hidden and (option, k) not in DERIVED}


@pytest.mark.parametrize("group", GROUPS)
def test_every_option_has_a_row(group):
    assert set(rows(group)) == {path.stem for path in (conf_dir() / group).glob("*.yaml")}


@pytest.mark.parametrize("group", GROUPS)
def test_defaults_are_those_of_the_yaml(group):
    for option, cells in rows(group).items():
        said = dict(re.findall(r"`(\w+)=([^`]+)`", cells[-1]))
        assert {key: yaml.safe_load(value) for key, value in said.items()} == settings(group, option), option


def test_which_penalties_have_a_period():
    """All but the one that bounds the weights."""
    lazy = set()
    for path in (conf_dir() / "regularizer").glob("*.yaml"):
        node = yaml.safe_load(path.read_text())[path.stem]
        assert node.get("every", 1) == 1
        lazy |= {path.stem} if "every" in node else set()
    assert set(rows("regularizer")) - lazy == {"weight_clip"}
    assert "every" in ENGINE_KEYS["regularizer"]


def test_the_page_of_the_presets_names_all_of_them():
    page = (Path(__file__).parents[1] / "docs" / "presets.md").read_text()
    rows = [line.split(" | ")[0] for line in page.splitlines() if line.startswith("| `")][1:]
    found = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(found) == sorted(path.stem for path in (conf_dir() / "experiment").glob("*.yaml"))
