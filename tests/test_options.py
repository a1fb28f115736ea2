"""Every option of every config group composes, trains two iterations, writes a summary, resumes to the same bits."""

import json
import os
import re
import shlex
import signal
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
import yaml
from torch.utils._pytree import tree_flatten

from steadygan import files, train
from steadygan.build import build, make
from steadygan.engines import checkpoint
from steadygan.engines.module import GAN
from steadygan.engines.parts import DTYPES
from steadygan.networks.dcgan import filters
from steadygan.paths import conf_dir

TINY = ["iterations=2", "batch_size=8", "log_every=1", "evaluate_every=2", "seed=1"]
PLANE = ["network.width=8", "network.latent=3", "metrics.modes.samples=60", "metrics.modes.wasserstein_samples=20"]
SHAPE = ["network.width=8", "network.latent=3", "metrics.wasserstein.samples=20"]
FAMILIES = ("baseline", "constant", "unnormalised", "gated", "tanh")
IMAGES = ["dataset=digits", "network.width=4", "network.latent=3"]

TINY_ROOT = "TINY_ROOT"
"""Stands for the root of tiny data sets in the formats of the real ones."""


def pictures(place):
    return [*IMAGES[1:], f"dataset.root={place}", "network=dcgan", "dataset.size=16", "dataset.workers=1",
            "metrics.sliced_wasserstein.samples=20"]  # fmt: skip


PRETRAIN = [*IMAGES, "network=dcgan", "scheme=pretrain", "scheme.epochs=1", "scheme.discriminator_epochs=1",
            "scheme.batch_size=240"]  # fmt: skip
LARGER = [*IMAGES, "dataset.size=16"]
NARROW = [*LARGER, "network.discriminator_width=4"]
GROW = [*IMAGES, "network=progressive", "scheme=progressive", "scheme.images=8", "scheme.fading=8"]
CONTEXT = {
    "network": {
        **{f"dcgan{family}": IMAGES for family in ("", *(f"_{name}" for name in FAMILIES))},
        "dcgan_mlp": [*IMAGES, "network.generator_width=6"],
        "resnet101": [*IMAGES, "network.layers=14"],
        "resnet": [*IMAGES, "network.max_width=8"],
        **{name: [*IMAGES, "network.discriminator_width=4"] for name in ("wgan_gp_resnet", "sngan")},
        "r3gan": [*IMAGES, "network.group=4"],
        "progressive": IMAGES,
    },
    "scheme": {"pretrain": PRETRAIN, "progressive": GROW},
    "scheme/distance": {"l1": PRETRAIN, "feature": PRETRAIN},
    "method": {
        **dict.fromkeys(("pretrained_lsgan", "pretrained_lsgan_alpha"), PRETRAIN),
        **dict.fromkeys(("bcr", "diffaugment", "ada"), IMAGES),
        "progressive": [text for text in GROW if not text.startswith("network=")],
    },
    "dataset": {
        "digits": IMAGES,
        "mnist": [*IMAGES, "network=mlp", "dataset.size=8"],
        "stacked_mnist": [*IMAGES, "network=mlp", "dataset.size=8", "metrics.stacked_modes.samples=100"],
        **dict.fromkeys(("celeba", "lsun"), pictures(TINY_ROOT)),
        "cifar10": [*pictures(TINY_ROOT), "dataset.num_data=100"],
        "folder": pictures(f"{TINY_ROOT}/folder"),
        "parquet": pictures(f"{TINY_ROOT}/parquet"),
        "huggingface": [*pictures(f"{TINY_ROOT}/cache"), f"dataset.name={TINY_ROOT}/parquet"],
        **dict.fromkeys(("gaussian", "line", "circle", "four_lines"), SHAPE),
    },
    "noise": dict.fromkeys(("diffaugment", "augment", "ada"), IMAGES),
    "regularizer": {"bcr": IMAGES},
    "experiment": {
        "langevin_conditional": IMAGES,
        "goodfellow_mlp": IMAGES,
        **dict.fromkeys(("dcgan", "lsgan", "lsgan_alpha", "wgan_lsun"), LARGER),
        "pretrained_lsgan": [*PRETRAIN, "dataset.size=16"],
        **dict.fromkeys(("wgan_gp_cifar10", "sngan"), NARROW),
        "mescheder_r1": [*LARGER, "network.max_width=8"],
        "mescheder_r1_plane": SHAPE,
        "r3gan": [*LARGER, "network.group=4"],
    },
    "metrics": {
        "fid": IMAGES,
        "inception_score": IMAGES,
        **dict.fromkeys(("fid_test", "precision_recall", "density_coverage", "class_histogram", "confidence"), IMAGES),
        "kid": [*IMAGES, "metrics.kid.subset_size=100"],
        "fid_infinity": [*IMAGES, "metrics.fid_infinity.samples=1200"],
        "sliced_wasserstein": IMAGES,
        "intra_fid": [*IMAGES, "labels=conditional"],
        "stacked_modes": [*IMAGES, "dataset=stacked_mnist", "metrics.stacked_modes.samples=100"],
        "wasserstein": SHAPE,
        "exact_density": [*SHAPE[:2], "metrics.exact_density.samples=100"],
        "class_match": [*SHAPE[:2], "labels=conditional"],
        "accuracy": [*SHAPE[:2], "labels=semi_supervised"],
    },
    "schedule": {"exponential": ["loss.alpha.start=0.9", "loss.alpha.end=0.1"], "constant": ["loss.alpha.value=0.4"]},
}
"""What an option needs around it, where that is not the ring."""

MISSING = {
    **dict.fromkeys(
        (("dataset", "mnist"), ("dataset", "stacked_mnist"), ("metrics", "stacked_modes")),
        "STEADYGAN_DATA" not in os.environ and "STEADYGAN_DATA names no data",
    ),
    ("trainer", "gpu"): not torch.cuda.is_available() and "no GPU",
    ("logger", "tensorboard"): not find_spec("tensorboard") and "tensorboard is not installed",
    ("dataset", "huggingface"): not find_spec("datasets") and "datasets is not installed",
}


def options():
    for path in sorted(conf_dir().rglob("*.yaml")):
        group = path.parent.relative_to(conf_dir()).as_posix()
        if group != "." and not group.startswith("hydra"):
            yield group, path.stem


def overrides(group, option):
    around = CONTEXT.get(group, {}).get(option, PLANE)
    if group == "schedule":
        default = [] if option in ("exponential", "constant", "polynomial") else ["loss.alpha.end=0.5"]
        return ["loss=lsgan", f"+schedule@loss.alpha={option}", *PLANE, *CONTEXT["schedule"].get(option, default)]
    if group in ("regularizer", "metrics"):
        return [*around, f"{group}=[{option}]"]
    if group == "optimizer":
        return [*around, *(f"optimizer@optimizer.{player}={option}" for player in ("generator", "discriminator"))]
    return [*(text for text in around if not text.startswith(f"{group}=")), f"{group}={option}"]


@pytest.mark.parametrize(("group", "option"), list(options()), ids=lambda word: word)
def test_option(compose, tmp_path, tiny_data, group, option):
    if reason := MISSING.get((group, option)):
        pytest.skip(reason)
    around = (text.replace(TINY_ROOT, str(tiny_data)) for text in overrides(group, option))
    given = [*TINY, *around, f"outputs={tmp_path}"]
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
        gan = GAN(build(config), job.seed, config["batch_size"], DTYPES[str(config["trainer"]["precision"])])
        gan.to_device(torch.device("cpu"))
        return gan

    gan = fresh()
    gan.training_step(0, 0)
    checkpoint.save(path, gan, job.signature, 0.0)
    gan = fresh()
    checkpoint.restore(gan, checkpoint.load(path))
    gan.training_step(1, 0)
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
