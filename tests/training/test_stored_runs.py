"""Runs on images that are read from disk: in several processes, stopped and started again, wherever they are kept."""

import csv
import json
import os
import signal

import pytest
import torch
from torch.utils._pytree import tree_flatten

import ddp_functions
import steadygan
import tiny_data
from bits import same
from steadygan import train
from steadygan.distributed.spawn import spawn
from steadygan.runs import files
from tiny import silent

PLAYERS = ("generator", "discriminator")


@pytest.fixture(scope="module")
def algorithm(tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures")
    tiny_data.folder(root / "train", 22, ("cats", "dogs", "hens"))
    tiny_data.folder(root / "test", 9, ("cats", "dogs", "hens"))
    return [
        *["dataset=folder", f"dataset.root={root}", "dataset.size=16", "dataset.flip=true", "dataset.dequantise=true"],
        *["dataset.labels=folders", "dataset.workers=1", "metrics=[sliced_wasserstein]", "network=dcgan"],
        "metrics.sliced_wasserstein.samples=13",
        *["network.width=4", "network.latent=4", "batch_size=8", "seed=3", "logger=none", "trainer.precision=64"],
    ]


def test_two_processes_take_the_steps_of_one(plain, algorithm):
    given = ["trainer=ddp", "trainer.accelerator=cpu", "iterations=7", "regularizer=[r1]", "labels=conditional"]
    given += [*algorithm, "labels.metrics=null"]
    configs = {keep: plain(*given, f"dataset.keep={keep}") for keep in ("disk", "memory")}
    found = spawn("ddp_functions:together", configs, silent, 2)
    single = ddp_functions.alone(configs["memory"])
    for keep in configs:
        batches = [batch["real"] for batch in found[keep]["batches"]]
        assert [len(each) for each in batches] == [4, 4]
        assert torch.equal(torch.cat(batches), single["batch"]["real"])
        (leaves, _), (others, _) = tree_flatten(found[keep]["state"]), tree_flatten(single["state"])
        for a, b in zip(leaves, others, strict=True):
            torch.testing.assert_close(torch.as_tensor(a), torch.as_tensor(b), rtol=1e-10, atol=1e-10)
        assert found[keep]["scores"] == pytest.approx(single["scores"], rel=1e-9)
        assert found[keep]["same"]


def rows(job):
    with (job.directory / files.METRICS).open() as file:
        return [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]


def test_stopped_and_resumed_on_disk_it_ends_with_the_bits_of_memory(plan, tmp_path, monkeypatch, algorithm):
    monkeypatch.setattr("steadygan.training.callbacks.progress.PROGRESS_SECONDS", 0.0)
    given = [*algorithm, "log_every=3", "evaluate_every=5", "iterations=12"]

    def stop(event):
        if event["kind"] == "progress" and event["iteration"] >= 4:
            os.kill(os.getpid(), signal.SIGINT)

    resumed = plan(*given, "dataset.keep=disk")
    assert train.execute(resumed, stop) == "preempted"
    assert 4 <= json.loads((resumed.directory / files.SUMMARY).read_text())["iteration"] < 12
    whole = plan(*given, "dataset.keep=memory", outputs=tmp_path / "whole")
    assert whole.signature == resumed.signature
    assert train.execute(resumed, silent) == train.execute(whole, silent) == "completed"
    first, second = (torch.load(job.directory / files.CHECKPOINT, weights_only=True) for job in (whole, resumed))
    for saved in (first, second):
        saved.pop("seconds")
    assert same(first, second)
    assert rows(whole) == rows(resumed)
    assert all(float(row["metric/swd"]) > 0 for row in rows(whole) if row["metric/swd"])


def test_a_run_is_loaded_and_shown_with_its_data(plan, algorithm):
    job = plan(*algorithm, "iterations=2", "evaluate_every=2", "dataset.keep=disk")
    assert train.execute(job, silent) == "completed"
    from steadygan.commands.sampling.drawings import write
    from steadygan.commands.sampling.subject import Subject

    trained = steadygan.load(job.directory)
    subject = Subject(trained, seed=0, count=None, ema=True)
    lines = list(write(subject, job.directory / "pictures"))
    assert any("neighbours_pixels.png" in line and "nearest training examples" in line for line in lines), lines
    assert any("neighbours_features.png" in line and "nearest training examples" in line for line in lines), lines
    assert any("classes.png" in line and "real example" in line for line in lines), lines


def test_what_was_left_out_is_in_the_summary(plan, tmp_path):
    tiny_data.folder(tmp_path / "data", 12)
    broken = sorted((tmp_path / "data").glob("*/*/*.png"))[5]
    broken.write_bytes(b"damaged")
    given = ["dataset=folder", f"dataset.root={tmp_path / 'data'}", "dataset.size=8", "dataset.corrupt=skip"]
    given += ["network=dcgan", "network.width=4", "batch_size=4", "iterations=1", "metrics=[]", "logger=none"]
    job = plan(*given)
    assert train.execute(job, silent) == "completed"
    reported = files.read_summary(job.directory)["data"]
    assert (reported["train"]["images"], reported["train"]["left_out"]) == (11, 1)
    assert [line.partition(": ")[0] for line in reported["train"]["such_as"]] == [str(broken)]
