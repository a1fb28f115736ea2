"""What a full disk, a folder that cannot be written, data that vanish and names that are no names do to runs."""

import contextlib
import os
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import steadygan
from steadygan import train
from steadygan.common.errors import UserError
from steadygan.config import building
from steadygan.runs import files
from steadygan.runs.signature import run_directory
from tiny import silent, tiny

RUN = ["network.width=8", "iterations=400", "log_every=10", "evaluate_every=100", "checkpoint_every=50"]


@pytest.fixture
def disk(tmp_path):
    """A disk of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    try:
        subprocess.run(mounted, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root may mount a disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def result(job):
    saved = torch.load(job.directory / files.CHECKPOINT, weights_only=True)
    rows = [{**row, "seconds": ""} for row in files.read_rows(job.directory / files.METRICS)]
    return saved["state_dict"], rows


def same(job, other):
    (a, rows), (b, expected) = result(job), result(other)
    return rows == expected and all(torch.equal(a[name], b[name]) for name in a.keys() | b.keys())


def fill(path):
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(b"0" * 4096):
            pass


def test_a_full_disk_costs_what_came_after_the_last_checkpoint(plan, disk, monkeypatch):
    undisturbed = plan()
    train.execute(undisturbed, silent)
    job, reported = plan(outputs=disk), []

    def filling(event):
        reported.append(event)
        if event["kind"] == "progress" and event["iteration"] >= 100:
            fill(disk / "filler")

    monkeypatch.setattr("steadygan.training.callbacks.progress.PROGRESS_SECONDS", 0.0)
    with pytest.raises(OSError, match="No space left on device"):
        train.execute(job, filling)
    reached = [event["iteration"] for event in reported if event["kind"] == "progress"][-1]
    saved = torch.load(job.directory / files.CHECKPOINT, weights_only=True)
    assert reached - 50 <= saved["iteration"] <= reached
    assert not list(job.directory.rglob("*.tmp")), "what could not be written takes no room"
    assert not (job.directory / files.LOCK).exists()
    (disk / "filler").unlink()
    job = plan("retry=true", outputs=disk)
    assert train.action(job) == "resume"
    assert train.execute(job, silent) == "completed"
    assert same(job, undisturbed)


def test_a_read_only_disk_is_a_mistake_before_anything_is_computed(plan, disk):
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(UserError, match=rf"outputs={disk}/runs.*no permission to write"):
        plan(outputs=disk)


def test_a_finished_run_can_be_read_where_nothing_can_be_written(plan, disk):
    job = plan("iterations=10", outputs=disk)
    train.execute(job, silent)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    assert train.action(job) == "skip: completed"
    assert steadygan.load(job.directory).sample(3).shape == (3, 2)


def test_a_run_folder_that_cannot_be_written_is_a_mistake_unless_there_is_nothing_to_do(plan, disk):
    """A run that somebody has put away on a disk that is read only, in a folder of outputs that is not."""
    job = plan("iterations=10", outputs=disk.parent / "own")
    train.execute(job, silent)
    subprocess.run(["mount", "--bind", str(job.directory), str(job.directory)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(job.directory)], check=True)
        assert train.action(plan("iterations=10", outputs=disk.parent / "own")) == "skip: completed"
        with pytest.raises(UserError, match=f"no permission to write in {job.directory}"):
            plan("iterations=20", outputs=disk.parent / "own")
    finally:
        subprocess.run(["umount", "-l", str(job.directory)], check=True)


@pytest.fixture
def digits(tmp_path, monkeypatch):
    """A folder in the format of MNIST, with noise for digits."""
    root, random = tmp_path / "data", np.random.default_rng(0)
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name, count in (("train", 200), ("t10k", 50)):
        images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = np.arange(count, dtype=np.uint8) % 10
        content = struct.pack(">IIII", 2051, count, 28, 28) + images.tobytes()
        (folder / f"{name}-images-idx3-ubyte").write_bytes(content)
        content = struct.pack(">II", 2049, count) + labels.tobytes()
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(content)
    monkeypatch.setenv("STEADYGAN_CACHE", str(tmp_path / "cache"))
    return root


def test_data_that_vanish_in_mid_run_are_in_memory_already_and_missed_when_it_is_launched_again(
    plan, digits, monkeypatch
):
    asked = ["dataset=mnist", f"dataset.root={digits}", "dataset.num_data=200"]
    asked += ["iterations=12", "log_every=2", "checkpoint_every=4"]
    undisturbed = plan(*asked)
    train.execute(undisturbed, silent)
    monkeypatch.setattr("steadygan.training.callbacks.progress.PROGRESS_SECONDS", 0.0)
    job = plan(*asked, outputs=digits.parent / "again")

    def vanish(event):
        if event["kind"] == "progress" and event["iteration"] == 6:
            digits.rename(digits.with_name("gone"))

    def back():
        shutil.rmtree(digits, ignore_errors=True)  # the place that a download would use
        digits.with_name("gone").rename(digits)

    assert train.execute(job, vanish) == "completed"
    assert same(job, undisturbed)
    building._dataset.cache_clear()  # a launch is a process of its own
    with pytest.raises(UserError, match=str(digits)):
        plan(*asked, "iterations=20")
    # Planned while they were there, as the jobs of a sweep are.
    back()
    shutil.rmtree(os.environ["STEADYGAN_CACHE"], ignore_errors=True)
    job = plan(*asked, "iterations=20")
    digits.rename(digits.with_name("gone"))
    building._dataset.cache_clear()
    with pytest.raises(UserError, match=str(digits)):
        train.execute(job, silent)
    assert files.read_summary(job.directory)["status"] == "failed"
    assert str(digits) in (job.directory / files.LOG).read_text()
    assert torch.load(job.directory / files.CHECKPOINT, weights_only=True)["iteration"] == 12, "nothing is lost"
    back()
    job = plan(*asked, "iterations=20", "retry=true")
    assert train.execute(job, silent) == "completed"


# --- names --------------------------------------------------------------------------------------------------------

NASTY = ["../../up", "'quoted'", '"', "new\nline", "x" * 300, "ünï☃", "/etc/passwd", "a b", "~", "..", "\0", "-rf", "*"]


@given(
    keys=st.lists(st.sampled_from(["seed", "loss.alpha", "../x", "regularizer@a/b", "~x"]), max_size=4),
    values=st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=300)), min_size=4, max_size=4),
)
def test_whatever_is_asked_for_the_run_is_one_folder_in_that_of_the_sweep(keys, values):
    root = Path("/outputs/sweep")
    folder = run_directory(root, "0123456789", [f"{key}={value}" for key, value in zip(keys, values)])
    assert folder.parent == root
    assert os.path.normpath(folder) == str(folder)
    assert len(os.fsencode(folder.name)) <= 255
    assert folder.name.isprintable()
    assert folder.name.isascii()
    assert folder.name.endswith("-0123456789")
    assert not folder.name.startswith((".", "-"))


@pytest.mark.parametrize("name", ["../up", "/absolute", "a/../../b", "..", ".", ""])
def test_a_name_that_leads_out_of_the_outputs_is_a_mistake(plan, name):
    with pytest.raises(UserError, match="name="):
        plan(f"name='{name}'")


@pytest.mark.parametrize("name", ["x" * 300, "new\nline"])
def test_a_name_that_is_no_name_of_a_folder_is_a_mistake(compose, tmp_path, name):
    config = compose(*tiny(*RUN), f"outputs={tmp_path}")
    config.name = name
    with pytest.raises(UserError, match="name="):
        train.plan(config, [])
    assert list(tmp_path.iterdir()) == []
