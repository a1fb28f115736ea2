"""Numbers of a whole config: one type and one message, wherever a key belongs."""

import copy
import re

import pytest
import yaml

from steadygan.common.errors import UserError
from steadygan.common.paths import conf_dir
from steadygan.config.check import check_numbers, typed_node
from steadygan.runs.signature import signature

FILES = sorted(path for path in conf_dir().rglob("*.yaml") if path.parent.name not in ("launcher", "sweeper"))
MEASURED = {"images", "fading", "begin", "finish", "horizon", "crop"}
"""Written as whole numbers in conf, but other values will do."""


def wholes(node, path=()):
    """Leaves that a file writes as whole numbers, below a node with a target."""
    for key, value in node.items() if isinstance(node, dict) else ():
        if isinstance(value, dict):
            yield from wholes(value, (*path, key))
        elif "_target_" in node and isinstance(value, int) and not isinstance(value, bool):
            yield (*path, key)


def put(node, path, value):
    made = copy.deepcopy(node)
    place = made
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return made


def at(node, path):
    for key in path:
        node = node[key]
    return node


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(conf_dir())))
def test_every_whole_number_of_every_option(path):
    text = re.sub(r"\$\{\w+\}", "1", path.read_text())
    node = {key: value for key, value in yaml.safe_load(text).items() if key != "defaults"}
    package = str(path.parent.relative_to(conf_dir())).strip(".").replace("/", ".")
    for leaf in wholes(node):
        value = at(node, leaf)
        for form in (float(value), f"{value}.0", f"{value}e0"):
            found = at(typed_node(package, put(node, leaf, form)), leaf)
            assert found == value
            assert isinstance(found, int) or leaf[-1] in MEASURED, leaf
        if leaf[-1] not in MEASURED:
            for bad in ("abc", 1.5, True, float("nan")):
                with pytest.raises(UserError, match=rf"{leaf[-1]}={bad}: must be "):
                    typed_node(package, put(node, leaf, bad))


ROOT = [
    ("seed",), ("iterations",), ("batch_size",), ("log_every",), ("evaluate_every",), ("checkpoint_every",),
    ("keep_checkpoints",), ("discriminator", "ensemble"), ("discriminator", "snapshots"), ("discriminator", "every"),
    ("metrics", "batch"), ("trainer", "threads"), ("trainer", "devices"), ("trainer", "num_nodes"),
    ("trainer", "precision"), ("network", "width"), ("network", "generator", "depth"), ("regularizer", "r1", "every"),
    ("engine", "workers"), ("engine", "together"), ("engine", "members"), ("noise", "copies"),
    ("diagnostics", "spectrum_every"), ("diagnostics", "spectrum_size"),
]  # fmt: skip


@pytest.fixture(scope="module")
def config(plain):
    made = plain("regularizer=[r1]", "engine=population", "noise=instance", "diagnostics.spectrum_every=5")
    return made | {
        "engine": {**made["engine"], "workers": 2, "together": 3, "members": 4},
        "noise": {**made["noise"], "copies": 2},
        "metrics": {**made["metrics"], "batch": 100},
    }


@pytest.mark.parametrize("path", ROOT, ids=".".join)
def test_keys_that_belong_to_no_method(config, path):
    value = at(config, path)
    signed = signature(check_numbers(config))
    for form in (float(value), f"{value}.0", f"{value}e0"):
        typed = check_numbers(put(config, path, form))
        assert (type(at(typed, path)), at(typed, path)) == (int, value)
        assert signature(typed) == signed
    for bad in ("abc", 1.5, float("nan")):
        if path in [("trainer", "precision"), ("network", "width"), ("trainer", "devices"), ("engine", "together")]:
            continue  # words are welcome there: checked where they mean something
        with pytest.raises(UserError, match=rf"^{'.'.join(path)}={bad}: must be [^\n]*$"):
            check_numbers(put(config, path, bad))


@pytest.mark.parametrize("seed", [2**63, -(2**63) - 1, 2**64, 1e30])
def test_seeds_beyond_64_bits(config, seed):
    with pytest.raises(UserError, match=r"^seed=\S+: must be a whole number from -2\^63 to 2\^63 - 1$"):
        check_numbers({**config, "seed": seed})
    for fine in (2**63 - 1, -(2**63), str(2**63 - 1)):
        assert check_numbers({**config, "seed": fine})["seed"] == int(fine)


def test_a_number_of_both_networks_is_named_as_it_was_given(config):
    network = {**config["network"], "width": "abc"}
    network |= {player: {**network[player], "width": "abc"} for player in ("generator", "discriminator")}
    with pytest.raises(UserError) as caught:
        check_numbers({**config, "network": network})
    assert str(caught.value) == "network.width=abc: must be a whole number"
