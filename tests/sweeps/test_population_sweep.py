"""Whole multiruns from the command line: a population sweep leaves what a serial one leaves."""

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image
from torch.utils._pytree import tree_flatten

from steadygan.report import results
from steadygan.report.collect import collect
from steadygan.report.groups import group_runs
from steadygan.sweeps.grouping import RECORDS

TINY = [
    *["logger=none", "network.width=8", "network.latent=4", "batch_size=16", "log_every=4", "evaluate_every=8"],
    *["checkpoint_every=5", "metrics.modes.samples=200", "metrics.modes.wasserstein_samples=50"],
]
SWEEP = ["train", "-m", "regularizer=[r1]", "regularizer.r1.gamma=0.1,3", "loss=lsgan,hinge", "seed=0,1"]


@pytest.fixture(scope="module")
def steadygan(tmp_path_factory):
    """``steadygan(*arguments)``: what it printed."""
    folder = tmp_path_factory.mktemp("sweeps")

    def call(*arguments, code=0):
        done = subprocess.run(
            [sys.executable, "-m", "steadygan", *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            env={**os.environ, "COLUMNS": "200"},
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    call.folder = folder
    return call


def runs(folder):
    """Folders by signature."""
    return {path.name[-10:]: path for path in (folder / "runs").iterdir() if path.name != RECORDS and path.is_dir()}


def rows(run):
    with (run / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def tree(run):
    """All files but W&B's own, whose names are times."""
    paths = (path.relative_to(run) for path in run.rglob("*"))
    return sorted(path.as_posix() for path in paths if path.parts[0] != "wandb" or len(path.parts) == 1)


def load(run):
    return torch.load(run / "checkpoints/last.ckpt", weights_only=True)


def assert_alike(own, other, tolerance):
    """Values of nested dicts: the same keys, numbers within tolerance, all else the same."""
    assert type(own) is type(other)
    if isinstance(own, dict):
        assert own.keys() == other.keys()
        for key in own:
            assert_alike(own[key], other[key], tolerance)
    elif isinstance(own, float):
        assert own == pytest.approx(other, rel=tolerance, abs=tolerance)
    else:
        assert own == other


@pytest.mark.slow
def test_folders_agree_file_by_file_with_those_of_single_runs(steadygan):
    offline = [*("logger.mode=offline" if text == "logger=none" else text for text in TINY)]
    common = [*SWEEP, *offline, "iterations=20", "trainer.precision=64"]
    steadygan(*common, "outputs=serial")
    said = steadygan(*common, "outputs=population", "engine=population")
    assert "8 jobs: 8 to run" in said
    assert "populations: 2 of 4" in said
    assert said.splitlines()[-2] == "8 completed"
    serial, population = (runs(steadygan.folder / name) for name in ("serial", "population"))
    assert serial.keys() == population.keys()
    assert len(serial) == 8
    for signature, expected in serial.items():
        own = population[signature]
        assert own.name == expected.name
        assert tree(own) == tree(expected)
        compare_texts(own, expected)
        compare_rows(own, expected)
        compare_checkpoints(own, expected)
        compare_pictures(own, expected)
        for run in (own, expected):
            assert len(list(run.glob("wandb/offline-run-*/run-*.wandb"))) == 1
    compare_reports(steadygan.folder / "population" / "runs", steadygan.folder / "serial" / "runs")


def compare_texts(own, expected):
    (config, asked), (other, other_asked) = (
        [yaml.safe_load((run / name).read_text()) for name in ("config.yaml", "overrides.yaml")]
        for run in (own, expected)
    )
    assert config.pop("engine")["_target_"] == "steadygan.population.run"
    assert other.pop("engine")["_target_"] == "steadygan.training.loop.run"
    assert (config.pop("outputs"), other.pop("outputs")) == ("population", "serial")
    assert config == other
    assert [text for text in asked if text.split("=")[0] not in ("engine", "outputs")] == other_asked[:-1]
    summary, other = (json.loads((run / "summary.json").read_text()) for run in (own, expected))
    assert (summary.pop("together"), other.pop("together")) == (4, 1)
    for measured in ("seconds", "memory"):
        assert type(summary.pop(measured, None)) is type(other.pop(measured, None))
    assert_alike(summary, other, 1e-6)


def compare_rows(own, expected):
    table, other = rows(own), rows(expected)
    assert [list(row) for row in table] == [list(row) for row in other]
    for row, twin in zip(table, other):
        assert {key for key, value in row.items() if value} == {key for key, value in twin.items() if value}
        for key in row.keys() - {"seconds"}:
            if row[key]:
                assert float(row[key]) == pytest.approx(float(twin[key]), rel=1e-6, abs=1e-9)


def compare_checkpoints(own, expected):
    saved, other = load(own), load(expected)
    assert type(saved.pop("seconds")) is type(other.pop("seconds"))
    leaves, shape = tree_flatten(saved)
    twins, other_shape = tree_flatten(other)
    assert shape == other_shape
    for leaf, twin in zip(leaves, twins):
        if isinstance(leaf, torch.Tensor):
            torch.testing.assert_close(leaf, twin, rtol=1e-9, atol=1e-9)
            assert leaf.untyped_storage().nbytes() == leaf.nbytes, "a member's file holds the member alone"
        else:
            assert leaf == twin


def compare_pictures(own, expected):
    for path in (own / "samples").iterdir():
        pixels, twins = (np.asarray(Image.open(run / "samples" / path.name), float) for run in (own, expected))
        assert pixels.shape == twins.shape
        assert np.abs(pixels - twins).mean() < 0.1


def compare_reports(own, expected):
    """What ``steadygan report`` says in numbers."""
    frames = []
    for folder in (own, expected):
        sweep = collect([folder])
        path = folder / "results.csv"
        results.write(results.table(group_runs(sweep.runs), sweep.swept, sweep.threshold), path)
        frames.append(pd.read_csv(path).drop(columns=["seconds", "memory_mb", "path"]))
    assert len(frames[0]) == 8
    assert {"regularizer.r1.gamma", "modes/final", "oscillation/generator"} <= set(frames[0])
    pd.testing.assert_frame_equal(*frames, rtol=1e-6, atol=1e-9)


@pytest.mark.soak
def test_longer_and_narrower_launches_keep_the_bits(steadygan):
    """Extended by a launch that asks for half of the runs first: as if never ended, since all keep their slots."""
    sweep = ["train", "-m", "ema.decay=0.5,0.9,0.99", "seed=0,1", *TINY, "engine=population", "engine.workers=1"]
    steadygan(*sweep, "iterations=20", "outputs=whole")
    steadygan(*sweep, "iterations=8", "outputs=parts")
    half = [text for text in sweep if not text.startswith("seed")]
    assert "3 to extend" in steadygan(*half, "seed=1", "iterations=20", "outputs=parts")
    said = steadygan(*sweep, "iterations=20", "outputs=parts")
    assert "3 to extend, 3 skipped (3 completed)" in said
    assert "populations: 1 of 6" in said
    whole, parts = (runs(steadygan.folder / name) for name in ("whole", "parts"))
    assert len(whole) == 6
    for signature, expected in whole.items():
        saved, other = load(parts[signature]), load(expected)
        leaves, twins = (tree_flatten(each["state_dict"])[0] for each in (saved, other))
        assert all(map(torch.equal, leaves, twins))
        assert [{**row, "seconds": 0} for row in rows(parts[signature])] == [
            {**row, "seconds": 0} for row in rows(expected)
        ]


@pytest.mark.slow
def test_what_would_be_done(steadygan):
    sweep = [*SWEEP, *TINY, "engine=population", "outputs=dry", "hydra.launcher.dry_run=true"]
    said = steadygan(*sweep, "engine.members=1").splitlines()
    assert said[0] == "8 jobs: 8 to run"
    assert sum(line.startswith("run  ") for line in said) == 8
    assert said[-1].startswith("populations: 8 of 1; 2 at a time")
    assert not (steadygan.folder / "dry").exists()
    steadygan(*sweep, "engine.members=0", code=2)


@pytest.mark.slow
def test_the_launcher_alone_groups_the_jobs(steadygan):
    """How jobs are launched is a choice of its own: with the engine of single runs they train together all the same."""
    sweep = [*SWEEP, *TINY, "outputs=dry", "hydra.launcher.dry_run=true", "hydra/launcher=population"]
    said = steadygan(*sweep, "hydra.launcher.members=3").splitlines()
    assert said[0] == "8 jobs: 8 to run"
    assert said[-1].startswith("populations: 4 of 2; ")
