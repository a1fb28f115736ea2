"""Whether two versions of the code train the same bits: small runs that cover every option, recorded and compared.

    python benchmarks/same_bits.py record OLD.json --at REVISION   # from a checkout of its own of that revision
    python benchmarks/same_bits.py record NEW.json                 # from the code that is here
    python benchmarks/same_bits.py compare OLD.json NEW.json [--renamed RENAMED.json]

A record holds a hash of each tensor of a run's last checkpoint, and of each column of its ``metrics.csv`` but for those
of time. They are of one machine and one version of torch: record both sides on the same one. ``--renamed`` names a file
``{"old part of a name": "new part"}`` for tensors and columns that have another name since.

The runs are those of one thread in float32, alone and as members of populations. ``python benchmarks/same_bits.py
options`` lists the options of ``conf`` that none of them has, and why.
"""

import argparse
import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]

SHORT = "iterations=6 log_every=2 evaluate_every=6 checkpoint_every=3 batch_size=16 logger=none seed=3"
PLANE = "network.width=8 network.latent=3 metrics.modes.samples=60 metrics.modes.wasserstein_samples=20"
SHAPE = "network.width=8 network.latent=3 metrics.wasserstein.samples=20"
IMAGES = "dataset=digits network.width=4 network.latent=3 metrics=[sliced_wasserstein]"
IMAGES += " metrics.sliced_wasserstein.samples=60"
LARGER = f"{IMAGES} dataset.size=16"
BOTH = "optimizer@optimizer.generator={0} optimizer@optimizer.discriminator={0}"
TIMES = ("seconds", "images_per_second")

RUNS = {
    "defaults": PLANE,
    "minimax_simultaneous_rmsprop": f"{PLANE} loss=minimax game=simultaneous {BOTH.format('rmsprop')}",
    "wgan_clipped_ratio": f"{PLANE} loss=wasserstein regularizer=[weight_clip] game=ratio dataset=grid",
    "wgan_gp_n_critic": f"{PLANE} loss=wasserstein loss.alpha=0.1 regularizer=[gradient_penalty] game.n_critic=3",
    "lsgan_linear_sgd": f"{PLANE} loss=lsgan +schedule@loss.alpha=linear loss.alpha.end=0.5 {BOTH.format('sgd')}",
    "lsgan_cosine_adamw": f"{PLANE} loss=lsgan +schedule@loss.alpha=cosine loss.alpha.end=0.5 {BOTH.format('adamw')}",
    "lsgan_step": f"{PLANE} loss=lsgan +schedule@loss.alpha=step loss.alpha.end=0.5 regularizer=[weight_decay]",
    "lsgan_smoothstep": f"{PLANE} loss=lsgan +schedule@loss.alpha=smoothstep loss.alpha.end=0.5 regularizer=[r2]",
    "lsgan_exponential": f"{PLANE} loss=lsgan +schedule@loss.alpha=exponential loss.alpha.start=0.9 loss.alpha.end=0.1",
    "lsgan_polynomial": f"{PLANE} loss=lsgan +schedule@loss.alpha=polynomial regularizer=[dragan]",
    "lsgan_constant": f"{PLANE} loss=lsgan +schedule@loss.alpha=constant loss.alpha.value=0.4 regularizer=[roth]",
    "hinge_lazy_r1_lecam": f"{PLANE} loss=hinge regularizer=[r1,lecam] regularizer.r1.every=2",
    "relativistic_r1_r2": f"{PLANE} loss=relativistic regularizer=[r1_r2] dataset=mixture1d",
    "relativistic_average_orthogonal": f"{PLANE} loss=relativistic_average regularizer=[orthogonal]",
    "fgan_gaussian": f"{SHAPE} loss=fgan dataset=gaussian",
    "consensus_line": f"{SHAPE} game=consensus dataset=line",
    "sga_circle": f"{SHAPE} game=sga dataset=circle",
    "unrolled_four_lines": f"{SHAPE} game=unrolled dataset=four_lines",
    "extragradient_instance": f"{PLANE} game=extragradient noise=instance",
    "optimistic_sgd": f"{PLANE} game=optimistic {BOTH.format('sgd')}",
    "lookahead": f"{PLANE} game=lookahead",
    "sgld": f"{PLANE} {BOTH.format('sgld')}",
    "psgld": f"{PLANE} {BOTH.format('psgld')}",
    "sghmc": f"{PLANE} {BOTH.format('sghmc')}",
    "sgld_cc": f"{PLANE} {BOTH.format('sgld_cc')}",
    "sgnht": f"{PLANE} {BOTH.format('sgnht')}",
    "ccadl": f"{PLANE} {BOTH.format('ccadl')}",
    "ensemble_softmax": f"{PLANE} discriminator.ensemble=3 discriminator/vote=softmax regularizer=[r1]",
    "snapshots_softmin": f"{PLANE} discriminator.snapshots=2 discriminator.every=2 discriminator/vote=softmin",
    "ensemble_random": f"{PLANE} discriminator.ensemble=2 discriminator/vote=random",
    "conditional_smoothing": f"{PLANE} labels=conditional method=one_sided_smoothing",
    "semi_supervised": f"{PLANE} labels=semi_supervised method=label_smoothing",
    "dcgan_blur": f"{IMAGES} network=dcgan noise=blur",
    "dcgan_families": f"{LARGER} network=dcgan_gated noise=blur_instance",
    "dcgan_constant_multi_blur": f"{LARGER} network=dcgan_constant noise=multi_blur",
    "dcgan_unnormalised_bcr": f"{LARGER} network=dcgan_unnormalised regularizer=[bcr]",
    "dcgan_tanh_ada": f"{LARGER} network=dcgan_tanh noise=ada",
    "dcgan_baseline_diffaugment": f"{LARGER} network=dcgan_baseline noise=diffaugment",
    "dcgan_mlp_augment": f"{LARGER} network=dcgan_mlp network.generator_width=6 noise=augment",
    "resnet_conditional_bf16": f"{LARGER} network=resnet network.max_width=8 labels=conditional trainer.precision=bf16",
    "resnet101": f"{LARGER} network=resnet101 network.layers=14",
    "wgan_gp_resnet": f"{LARGER} network=wgan_gp_resnet network.discriminator_width=4 regularizer=[gradient_penalty]",
    "sngan": f"{LARGER} network=sngan network.discriminator_width=4 loss=hinge",
    "r3gan": f"{LARGER} network=r3gan network.group=4 loss=relativistic regularizer=[r1,r2]",
    "pretrain": f"{LARGER} network=dcgan scheme=pretrain scheme.epochs=1 scheme.discriminator_epochs=1"
    " scheme.batch_size=240",
    "pretrain_feature": f"{IMAGES} network=dcgan scheme=pretrain scheme/distance=feature scheme.epochs=1"
    " scheme.discriminator_epochs=1 scheme.batch_size=240",
    "growing": f"{IMAGES} network=progressive scheme=progressive scheme.images=32 scheme.fading=32",
    "population": f"{PLANE} engine=population engine.compile=false regularizer=[r1]"
    " regularizer.r1.gamma=0.1,1 loss=lsgan loss.alpha=0,0.5",
    "population_langevin": f"{PLANE} engine=population engine.compile=false {BOTH.format('sgld')}"
    " optimizer.generator.step_size=1e-4,1e-5",
    "population_images": f"{IMAGES} engine=population engine.compile=false network=dcgan noise=blur noise.sigma=0.5,1",
}
"""What each run overrides; with a comma: the settings of a population."""

DEFAULTS = "loss=nonsaturating noise=none game=alternating network=mlp dataset=ring optimizer=adam labels=none"
DEFAULTS += " scheme=none scheme/distance=l1 discriminator/vote=mean trainer=cpu engine=lightning"

FILES = {"celeba", "cifar10", "folder", "huggingface", "lsun", "mnist", "parquet", "stacked_mnist"}
LEFT_OUT = {
    "dataset": dict.fromkeys(FILES, "needs files; from them on, images take the way of the digits"),
    "logger": "takes no part in training",
    "metrics": "takes no part in training",
    "method": "made of the other groups' options",
    "experiment": "made of the other groups' options",
    "trainer": {"gpu": "another machine", "ddp": "sums in another order"},
    "hydra/launcher": "takes no part in training",
    "hydra/sweeper": "takes no part in training",
}


def record(path: Path, source: Path) -> None:
    """Train all runs with the code in ``source``, a process a core, and write what they ended with."""
    found: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = {name: pool.submit(of_run, name, text.split(), Path(folder), source) for name, text in RUNS.items()}
        for number, (name, job) in enumerate(jobs.items(), start=1):
            found |= job.result()
            print(f"{number}/{len(RUNS)} {name}", file=sys.stderr, flush=True)
    path.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


def of_run(name: str, overrides: list[str], folder: Path, source: Path) -> dict[str, dict[str, str]]:
    """The record of one run, or of each member of a population."""
    several = ["-m"] if any("," in text and "[" not in text for text in overrides) else []
    command = [sys.executable, "-m", "steadygan", "train", *several, *SHORT.split(), *overrides]
    paths = {"outputs": str(folder), "name": name}
    environment = {**os.environ, "PYTHONPATH": str(source / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, *(f"{key}={value}" for key, value in paths.items())],
        env=environment, cwd=source, capture_output=True, text=True,
    )  # fmt: skip
    runs = sorted(path.parent for path in (folder / name).glob("*/summary.json"))
    if done.returncode or not runs:
        return {name: {"failed": done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no run"}}
    labels = [name] if len(runs) == 1 else [f"{name}/{settings(run, overrides)}" for run in runs]
    return {label: {**of_table(run / "metrics.csv"), **of_checkpoint(run)} for label, run in zip(labels, runs)}


def settings(run: Path, overrides: list[str]) -> str:
    """The values that differ between the members of a population, as their configs have them."""
    import yaml

    config = yaml.safe_load((run / "config.yaml").read_text())
    keys = [text.partition("=")[0] for text in overrides if "," in text and "[" not in text]
    return " ".join(f"{key}={at(config, key)}" for key in keys)


def at(config: Any, key: str) -> Any:
    """The value at a dotted key."""
    for part in key.split("."):
        config = config[part]
    return config


def of_table(path: Path) -> dict[str, str]:
    """A hash of each column that is not of time."""
    with path.open() as file:
        rows = list(csv.DictReader(file))
    columns = [column for column in rows[0] if column not in TIMES]
    return {f"metrics.csv {column}": short("\n".join(row[column] for row in rows).encode()) for column in columns}


def of_checkpoint(run: Path) -> dict[str, str]:
    """A hash of each tensor of the last checkpoint."""
    import torch

    state = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True, map_location="cpu")
    leaves: dict[str, str] = {}

    def walk(place: str, value: Any) -> None:
        if isinstance(value, torch.Tensor):
            raw = value.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes()
            leaves[f"checkpoint {place}"] = short(raw + str((value.dtype, tuple(value.shape))).encode())
        elif isinstance(value, dict):
            for key, item in value.items():
                walk(f"{place}.{key}", item)
        elif isinstance(value, list | tuple):
            for number, item in enumerate(value):
                walk(f"{place}.{number}", item)

    for part, value in state.items():
        if part not in ("seconds", "signature", "window"):
            walk(part, value)
    return leaves


def short(raw: bytes) -> str:
    """A short hash."""
    return hashlib.sha256(raw).hexdigest()[:12]


def compare(old: Path, new: Path, renamed: dict[str, str]) -> int:
    """Print what differs; the exit code."""
    before, after = (json.loads(path.read_text()) for path in (old, new))
    wrong = [f"{run}: not on both sides" for run in sorted(set(before) ^ set(after))]
    wrong += [f"{run}: {side['failed']}" for both in (before, after) for run, side in both.items() if "failed" in side]
    for run in sorted(set(before) & set(after)):
        expected = {current(name, renamed): value for name, value in before[run].items()}
        names = set(expected) | set(after[run])
        wrong += [f"{run}: {name}" for name in sorted(names) if expected.get(name) != after[run].get(name)]
    tensors = sum(len(run) for run in before.values())
    print("\n".join([*wrong, f"{len(before)} runs, {tensors} tensors and columns: {len(wrong)} differ"]))
    return bool(wrong)


def current(name: str, renamed: dict[str, str]) -> str:
    """The name that a tensor or column has now."""
    for old, new in renamed.items():
        name = name.replace(old, new)
    return name


def uncovered() -> list[str]:
    """The options of ``conf`` that no run has."""
    text = " ".join([DEFAULTS, *RUNS.values()]).replace("optimizer@optimizer.generator", "optimizer")
    chosen: set[tuple[str, str]] = set()
    for word in text.split():
        group, _, value = word.partition("=")
        group = "schedule" if group.startswith("+schedule@") else group
        chosen |= {(group, option) for option in value.strip("[]").split(",")}
    rows = []
    for path in sorted((HERE / "conf").rglob("*/*.yaml")):
        group, option = path.parent.relative_to(HERE / "conf").as_posix(), path.stem
        reason = LEFT_OUT.get(group, {})
        reason = reason.get(option) if isinstance(reason, dict) else reason
        if (group, option) not in chosen:
            rows.append(f"{group}={option}: {reason or 'NOT COVERED'}")
    return rows


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record")
    recording.add_argument("path", type=Path)
    recording.add_argument("--at", metavar="REVISION")
    comparing = commands.add_parser("compare")
    comparing.add_argument("old", type=Path)
    comparing.add_argument("new", type=Path)
    comparing.add_argument("--renamed", type=Path)
    commands.add_parser("options")
    given = parser.parse_args()
    if given.command == "options":
        rows = uncovered()
        print("\n".join(rows))
        return any(row.endswith("NOT COVERED") for row in rows)
    if given.command == "compare":
        return compare(given.old, given.new, json.loads(given.renamed.read_text()) if given.renamed else {})
    if given.at is None:
        record(given.path, HERE)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", tree, given.at], cwd=HERE, check=True)
        try:
            record(given.path, tree)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", tree], cwd=HERE, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
