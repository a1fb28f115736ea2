"""Every option of every config group, what each needs around it to train at once, and what this machine lacks."""

import os
from importlib.util import find_spec

import torch

from steadygan.common.paths import conf_dir
from steadygan.config.listing import SPACES

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
        "sliced_wasserstein": [*IMAGES, "metrics.sliced_wasserstein.samples=100"],
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
    """Group and name of each."""
    for path in sorted(conf_dir().rglob("*.yaml")):
        group = path.parent.relative_to(conf_dir()).as_posix()
        if group not in (".", SPACES) and not group.startswith("hydra"):  # spaces of searches are no options
            yield group, path.stem


def overrides(group, option, tiny):
    """Overrides that choose an option, and give it what it needs; ``tiny`` is the root of the tiny data sets."""
    return [text.replace(TINY_ROOT, str(tiny)) for text in _overrides(group, option)]


def _overrides(group, option):
    around = CONTEXT.get(group, {}).get(option, PLANE)
    if group == "schedule":
        default = [] if option in ("exponential", "constant", "polynomial") else ["loss.alpha.end=0.5"]
        return ["loss=lsgan", f"+schedule@loss.alpha={option}", *PLANE, *CONTEXT["schedule"].get(option, default)]
    if group in ("regularizer", "metrics"):
        return [*around, f"{group}=[{option}]"]
    if group == "optimizer":
        return [*around, *(f"optimizer@optimizer.{player}={option}" for player in ("generator", "discriminator"))]
    return [*(text for text in around if not text.startswith(f"{group}=")), f"{group}={option}"]
