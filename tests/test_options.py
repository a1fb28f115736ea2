"""Every option of every config group composes, trains two iterations, writes a summary, resumes to the same bits."""

import json
import os
import re
import shlex
import signal
from pathlib import Path

import pytest
import torch
import yaml
from torch.utils._pytree import tree_flatten

from options import MISSING, options, overrides
from steadygan import train
from steadygan.common.paths import conf_dir
from steadygan.config.building import build
from steadygan.config.instantiation import make
from steadygan.networks.dcgan import filters
from steadygan.runs import checkpoint, files
from steadygan.training.components import DTYPES
from steadygan.training.module import GANModule

TINY = ["iterations=2", "batch_size=8", "log_every=1", "evaluate_every=2", "seed=1"]


@pytest.mark.parametrize(("group", "option"), list(options()), ids=lambda word: word)
def test_option(compose, tmp_path, tiny_data, group, option):
    if reason := MISSING.get((group, option)):
        pytest.skip(reason)
    given = [*TINY, *overrides(group, option, tiny_data), f"outputs={tmp_path}"]
    if group != "logger":
        given.append("logger=none")
    job = train.plan(compose(*given), given)
    assert train.execute(job, lambda event: None) == "completed"
    summary = json.loads((job.directory / files.SUMMARY).read_text())
    assert (summary["status"], summary["iteration"]) == ("completed", 2)
    assert summary["metrics"]
    saved = torch.load(job.directory / files.CHECKPOINT, weights_only=True)
    assert all(bool(torch.isfinite(value).all()) for value in saved["state_dict"].values())
    if group not in ("metrics", "logger", "trainer", "engine"):  # not parts of the step; resumed in tests of their own
        plain = job.config["scheme"]["_target_"].endswith(".Plain")
        again = by_itself(job, tmp_path / "half.ckpt") if plain else stopped(compose, [*given, f"outputs={tmp_path}/b"])
        parts = ("iteration", "state_dict", "rules", "more")
        (own, shape), (expected, other) = (tree_flatten([each[part] for part in parts]) for each in (again, saved))
        assert shape == other
        for a, b in zip(own, expected):
            assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


def stopped(compose, given):
    """The checkpoint of a run that was stopped at its first sign of life, and launched again."""
    job = train.plan(compose(*given), given)
    assert train.execute(job, lambda event: os.kill(os.getpid(), signal.SIGINT)) == "preempted"
    assert train.execute(job, lambda event: None) == "completed"
    return torch.load(job.directory / files.CHECKPOINT, weights_only=True)


def by_itself(job, path):
    """The same without a run around it, which is quick: one iteration, a checkpoint, another object, one more."""
    config = job.config

    def fresh():
        gan = GANModule(build(config), job.seed, config["batch_size"], DTYPES[str(config["trainer"]["precision"])])
        gan.to_device(torch.device("cpu"))
        return gan

    gan = fresh()
    gan.advance(0)
    checkpoint.save(path, gan, job.signature, 0.0)
    gan = fresh()
    checkpoint.restore(gan, checkpoint.load(path))
    gan.advance(1)
    checkpoint.save(path, gan, job.signature, 0.0)
    return torch.load(path, weights_only=True)


def test_options_are_found():
    assert len(list(options())) > 50
    assert {
        "loss",
        "regularizer",
        "noise",
        "optimizer",
        "game",
        "network",
        "dataset",
        "method",
        "metrics",
        "trainer",
    } <= {group for group, _ in options()}


@pytest.mark.parametrize("path", sorted((conf_dir() / "method").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_method_names_itself(path):
    assert yaml.safe_load(path.read_text())["method"] == path.stem


@pytest.mark.parametrize("path", sorted(conf_dir().rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_file_opens_with_what_it_is(path):
    lines = [line for line in Path(path).read_text().splitlines() if "@package" not in line]
    assert lines[0].startswith("# ")


USES = [
    (path, line)
    for path in sorted(conf_dir().rglob("*.yaml"))
    for line in re.findall(r"^# Use: (.+)$", path.read_text(), flags=re.MULTILINE)
]


def test_every_schedule_says_how_it_is_used():
    """But for the constant one, which a number stands for."""
    schedules = {path.stem for path in (conf_dir() / "schedule").glob("*.yaml")}
    assert {path.stem for path, _ in USES if path.parent.name == "schedule"} == schedules - {"constant"}


@pytest.mark.parametrize(("path", "line"), USES, ids=[path.stem for path, _ in USES])
def test_what_a_file_says_of_its_use_can_be_run(compose, tmp_path, path, line):
    """Planned, not trained: ranges are checked and all parts are built. The option is where it was asked for."""
    given = [*shlex.split(line), f"outputs={tmp_path}"]
    found = train.plan(compose(*given), given).config
    (place,) = re.findall(rf"\+{path.parent.name}@(\S+)={path.stem}(?:\s|$)", line)
    for key in place.split("."):
        found = found[key]
    assert found["_target_"] == yaml.safe_load(path.read_text())["_target_"]


def test_all_methods_have_the_same_discriminator_updates_and_average(plain):
    for path in (conf_dir() / "method").glob("*.yaml"):
        config = plain(f"method={path.stem}")
        assert config["method"] == path.stem
        assert config["game"]["n_critic"] == 1
        assert (config["ema"]["decay"], config["ema"]["rampup"]) == (0.999, 10.0)


PICTURES = ("dcgan", "lsgan", "pretrained_lsgan", "wgan_lsun", "wgan_gp_cifar10", "sngan", "mescheder_r1", "r3gan")


@pytest.mark.parametrize("name", PICTURES)
def test_a_preset_makes_images_of_its_own_data(plain, name):
    """Tried above on digits: here its own sizes, which are those of the papers."""
    config = plain(f"experiment={name}")
    size = config["dataset"]["size"]
    assert size == {"mescheder_r1": 256, **dict.fromkeys(("wgan_gp_cifar10", "sngan", "r3gan"), 32)}.get(name, 64)
    with torch.device("meta"):
        for player in ("generator", "discriminator"):
            if name != "sngan":  # its layers look at their weights
                make(config["network"][player], player)(shape=(3, size, size))
    assert config["dataset"]["_target_"].rpartition(".")[2] in ("CelebA", "LSUN", "CIFAR10")


def test_the_conditional_preset_makes_images_of_its_own_data(plain):
    """Tried above on other data, as MNIST may not be there."""
    config = plain("experiment=langevin_conditional")
    size = config["dataset"]["size"]
    assert "mnist" in config["dataset"]["_target_"].lower()
    assert filters((1, size, size), config["network"]["width"])
