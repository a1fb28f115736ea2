"""A run whose data are elsewhere: what needs none works; the rest takes ``dataset.root`` and gives the same numbers."""

import json
import os
import shutil

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image

import steadygan
from steadygan import cli, train
from steadygan.analysis.studies.stability import study
from steadygan.common.errors import DataMissing, UserError
from steadygan.config import targets
from steadygan.runs import checkpoint, files, run_data

TINY = ["logger=none", "batch_size=4", "iterations=2", "log_every=1", "evaluate_every=2", "network.width=4"]
IMAGES = [*TINY, "dataset=folder", "dataset.size=8", "dataset.channels=1", "network=dcgan", "labels=conditional",
          "~labels.metrics", "dataset.labels=folders",
          "metrics=[sliced_wasserstein]", "metrics.sliced_wasserstein.samples=8"]  # fmt: skip


def write_images(folder, seed=0):
    draws = np.random.default_rng(seed)
    for name in "ab":
        (folder / name).mkdir(parents=True)
        for index in range(6):
            Image.fromarray(draws.integers(0, 255, (8, 8), dtype=np.uint8)).save(folder / name / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def trained(compose, tmp_path_factory):
    """A run whose data were named from the folder where it started and have moved since, where they are, samples."""
    home = tmp_path_factory.mktemp("home")
    write_images(home / "pictures" / "faces")
    before = os.getcwd()
    os.chdir(home)
    try:
        given = [*IMAGES, "dataset.root=pictures/faces", "outputs=outputs"]
        job = train.plan(compose(*given), given)
        train.execute(job, lambda event: None)
        here = steadygan.load(job.directory)
        expected = {"x": here.sample(5, seed=1), "real": here.dataset.examples("train")[0][:3]}
    finally:
        os.chdir(before)
    (home / "pictures").rename(home / "moved")
    return job, home / "moved" / "faces", expected


@pytest.fixture
def run(trained, tmp_path):
    """A copy under another name; its data were at a place that this process has never read."""
    run = shutil.copytree(trained[0].directory, tmp_path / "a run")
    config = OmegaConf.load(run / files.CONFIG)
    config.dataset.root = "/gone/faces"
    OmegaConf.save(config, run / files.CONFIG)
    return run


def test_the_config_of_a_run_says_where_its_data_are_whoever_reads_it(trained, compose, tmp_path, monkeypatch):
    job, moved, _ = trained
    run, home = job.directory, moved.parents[1]
    assert OmegaConf.load(run / files.CONFIG).dataset.root == str(home / "pictures" / "faces")
    assert "dataset.root=pictures/faces" in OmegaConf.load(run / files.OVERRIDES)
    monkeypatch.chdir(home / "moved")
    relative, whole = ([*IMAGES, f"dataset.root={root}", f"outputs={tmp_path}"] for root in ("faces", moved))
    assert train.plan(compose(*relative), relative).signature == train.plan(compose(*whole), whole).signature
    assert train.plan(compose(*relative), relative).signature == job.signature


def test_what_needs_no_data_works_without_them(trained, run, caplog):
    expected = trained[2]
    gan = steadygan.load(run)
    assert "its data cannot be read here" in caplog.text
    assert (gan.shape, gan.classes, gan.iteration) == ((1, 8, 8), 2, 2)
    ways = gan.generate(gan.latents(5, seed=1), label=gan.labels(5, label=0))
    assert ways.shape == (5, 1, 8, 8)
    assert gan.critic(ways).isfinite().all()
    assert gan.initial().generator.params.keys() == gan.state.generator.params.keys()
    for needs in (lambda: gan.sample(5), lambda: gan.dataset, lambda: gan.interpolate(2)):
        with pytest.raises(DataMissing, match=r"dataset\.root=FOLDER"):
            needs()
    there = steadygan.load(run, dataset={"root": str(trained[1])})
    assert torch.equal(there.sample(5, seed=1), expected["x"])
    assert torch.equal(there.dataset.examples("train")[0][:3], expected["real"])
    assert there.at(run / files.CHECKPOINT).dataset.num_data == 12


def test_the_data_where_they_are_now_are_the_same_data_and_others_are_not(trained, run, tmp_path, caplog):
    steadygan.load(run, dataset={"root": str(trained[1])})
    assert not caplog.text
    steadygan.load(run, dataset={"root": str(write_images(tmp_path / "others", seed=1))})
    assert "other data" in caplog.text


def test_commands_take_the_place(trained, run, capfd, monkeypatch):
    place = f"dataset.root={trained[1]}"
    assert cli.main(["evaluate", str(run)]) == 2
    said = capfd.readouterr().err
    assert "dataset.root=FOLDER" in said
    assert "Traceback" not in said
    assert cli.main(["evaluate", str(run), place]) == 0
    final = json.loads((run / files.SUMMARY).read_text())["metrics"]["swd"]["final"]
    (scores,) = (run / "evaluate").glob("*.json")
    assert json.loads(scores.read_text())["metrics"]["ema"]["swd"] == final
    assert cli.main(["sample", str(run)]) == 0
    shown = capfd.readouterr().out
    assert (run / "pictures" / "grid.png").exists()
    assert "left out neighbours_pixels.png: /gone/faces: no such folder" in shown
    assert cli.main(["stability", str(run), "size=8"]) == 2
    assert "dataset.root=FOLDER" in capfd.readouterr().err
    monkeypatch.setattr(study, "analyse", lambda trained, *_: {"examples": trained.dataset.num_data})
    monkeypatch.setattr(study, "summary_lines", lambda found: [str(found)])
    monkeypatch.setattr(study.figures, "figure", lambda *_: None)
    monkeypatch.setattr(study.png, "save", lambda *_: None)
    assert cli.main(["stability", str(run), place]) == 0
    assert "{'examples': 12}" in capfd.readouterr().out


@pytest.mark.parametrize("command", ["sample", "evaluate", "stability"])
def test_what_the_data_are_cannot_be_changed(command, run, capfd):
    assert cli.main([command, str(run), "dataset.size=16"]) == 2
    assert "dataset.size=16: not a place of this run's data" in capfd.readouterr().err


def test_nothing_is_fetched_into_a_folder_that_only_the_run_names():
    node = {"_target_": "steadygan.data.mnist.MNIST", "root": "/not/there", "download": True}
    assert run_data.where(node, {}) == {**node, "download": False}
    assert run_data.where(node, {"root": "/mine"}) == {**node, "root": "/mine"}
    assert run_data.where(node, {"download": True}) == node
    with pytest.raises(UserError, match=r"dataset\.root=x: not a place"):
        run_data.where({"_target_": "steadygan.data.mixtures.Ring"}, {"root": "x"})


def test_checkpoints_that_do_not_describe_their_data_need_them(trained, run):
    path = run / files.CHECKPOINT
    saved = checkpoint.load(path)
    assert saved.pop("data") == {"shape": [1, 8, 8], "num_data": 12, "num_classes": 2}
    torch.save(saved, path)
    with pytest.raises(DataMissing, match=r"dataset\.root=FOLDER"):
        steadygan.load(run)
    assert torch.equal(steadygan.load(run, dataset={"root": str(trained[1])}).sample(5, seed=1), trained[2]["x"])


def test_only_files_that_count_by_content_are_placed(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    faces = {"_target_": "steadygan.data.folder.ImageFolder", "root": "faces", "labels": "none"}
    fid = {"_target_": "steadygan.metrics.fid.FID", "weights": None, "statistics": "a/b.npz", "split": "train"}
    kept = {"own": {"_target_": "pathlib.PurePath", "root": "faces"}, "list": [1, {"root": "x"}], "a": {"root": ""}}
    found = targets.placed({"dataset": faces, "metrics": {"fid": fid}, **kept})
    assert found == {
        "dataset": {**faces, "root": str(tmp_path / "faces")},
        "metrics": {"fid": {**fid, "statistics": str(tmp_path / "a" / "b.npz")}},
        **kept,
    }
    for place in ("~/faces", "/data/faces", ""):
        assert targets.placed({**faces, "root": place})["root"] == place
