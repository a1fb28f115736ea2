"""Whole runs, read back from the files that a user would read."""

import contextlib
import csv
import json
import math
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from scipy.signal import detrend

from bits import same
from steadygan import train
from steadygan.common.errors import UserError
from steadygan.config.building import build
from steadygan.loggers import fragments, wandb
from steadygan.runs import checkpoint, files
from steadygan.sweeps import executing
from steadygan.training.callbacks import StopOnSignal
from steadygan.training.module import GANModule
from tiny import silent

RUN = [
    *["metrics=[modes]", "metrics.modes.samples=200", "metrics.modes.wasserstein_samples=50", "batch_size=16"],
    *["iterations=20", "log_every=4", "evaluate_every=8", "checkpoint_every=5"],
]


def rows(job):
    with (job.directory / files.METRICS).open() as file:
        return list(csv.DictReader(file))


def summary(job):
    return json.loads((job.directory / files.SUMMARY).read_text())


def result(job):
    """Everything that must be the same to the bit: checkpoint, rows without wall time, pictures."""
    saved = torch.load(job.directory / files.CHECKPOINT, weights_only=True)
    saved.pop("seconds")
    table = [{key: value for key, value in row.items() if key != "seconds"} for row in rows(job)]
    pictures = {path.name: np.asarray(Image.open(path)).tolist() for path in (job.directory / files.SAMPLES).iterdir()}
    return saved, table, pictures


def test_the_files_of_a_run(plan):
    job = plan("regularizer=[r1]", "seed=3")
    assert train.action(job) == "run"
    assert train.execute(job, silent) == "completed"
    assert yaml.safe_load((job.directory / files.CONFIG).read_text())["regularizer"]["r1"]["gamma"] == 1.0
    assert "regularizer=[r1]" in yaml.safe_load((job.directory / files.OVERRIDES).read_text())

    table = rows(job)
    assert [row["iteration"] for row in table] == ["4", "8", "12", "16", "20"]
    assert [row["images"] for row in table] == ["64", "128", "192", "256", "320"]
    assert list(table[0]) == [
        *["iteration", "images", "seconds", "loss/discriminator", "penalty/r1", "logits/real", "logits/fake"],
        *["logits/gap", "accuracy/discriminator", "saturation/real", "saturation/fake"],
        *["grad_norm/discriminator", "grad_cosine/discriminator", "loss/generator", "grad_norm/generator"],
        *["grad_cosine/generator", "weight_norm/generator", "weight_norm/discriminator"],
        *["oscillation/discriminator", "period/discriminator", "oscillation/generator", "period/generator"],
        *["metric/modes", "metric/high_quality", "metric/kl", "metric/wasserstein"],
    ]
    assert [bool(row["metric/modes"]) for row in table] == [False, True, False, True, True]
    # three losses have a spread about a line, eight a spectrum
    assert [bool(row["oscillation/generator"]) for row in table] == [False, False, True, True, True]
    assert not any(row["period/generator"] for row in table)

    reported = summary(job)
    expected = {"status": "completed", "signature": job.signature, "seed": 3, "iteration": 20, "diverged_at": None}
    assert {key: reported[key] for key in expected} == expected
    assert reported["method"] == reported["label"] == job.label
    distances = [float(row["metric/wasserstein"]) for row in table if row["metric/wasserstein"]]
    assert reported["metrics"]["wasserstein"] == {
        "final": distances[-1],
        "best": min(distances),
        "gap": distances[-1] - min(distances),
        "area": pytest.approx(np.mean(distances)),
        "direction": "min",
    }
    losses = [float(row["loss/generator"]) for row in table[2:]]
    assert reported["oscillation"]["generator"] == pytest.approx(np.std(detrend(losses)))
    assert reported["provenance"]["modes"]["samples"] == 200
    assert reported["provenance"]["modes"]["generator"] == "ema"
    assert reported["versions"]["torch"] == torch.__version__.split("+")[0] or reported["versions"]["torch"]
    assert sorted(path.name for path in (job.directory / files.SAMPLES).iterdir()) == [
        "0000008.png",
        "0000016.png",
        "0000020.png",
    ]
    saved = torch.load(job.directory / files.CHECKPOINT, weights_only=True)
    assert saved["iteration"] == 20
    assert {name.split(".")[0] for name in saved["state_dict"]} == {"generator", "discriminator", "generator_ema"}


def test_rows_hold_the_mean_since_the_row_before(plan):
    every, fourth = plan("log_every=1"), plan()
    for job in (every, fourth):
        train.execute(job, silent)
    single = [float(row["loss/discriminator"]) for row in rows(every)]
    means = [float(row["loss/discriminator"]) for row in rows(fourth)]
    assert means == pytest.approx([np.mean(single[i : i + 4]) for i in range(0, 20, 4)], rel=1e-12)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(plan, tmp_path):
    first, again, other = plan(outputs=tmp_path / "a"), plan(outputs=tmp_path / "b"), plan("seed=1")
    for job in (first, again, other):
        train.execute(job, silent)
    assert all(map(same, result(first), result(again)))
    assert not same(result(first)[0], result(other)[0])


class Stop:
    """Sends this process a signal at the end of one iteration."""

    def __init__(self, monkeypatch, number, iteration):
        self.step = GANModule.training_step
        self.number, self.iteration = number, iteration
        monkeypatch.setattr(GANModule, "training_step", lambda gan, *batch: self(gan, *batch))

    def __call__(self, gan, batch, index):
        self.step(gan, batch, index)
        if gan.iteration == self.iteration:
            os.kill(os.getpid(), self.number)


@pytest.mark.parametrize(
    ("number", "iteration"),
    [*((signal.SIGINT, 1 + 6 * n) for n in range(3)), (signal.SIGTERM, 8), (signal.SIGHUP, 1), (signal.SIGHUP, 13)],
)
def test_a_run_stopped_anywhere_ends_with_the_same_bits(plan, tmp_path, monkeypatch, number, iteration):
    algorithm = ["noise=instance", "regularizer=[gradient_penalty]", "optimizer@optimizer.discriminator=sgld"]
    whole, resumed = plan(*algorithm, outputs=tmp_path / "a"), plan(*algorithm, outputs=tmp_path / "b")
    train.execute(whole, silent)
    each = (signal.SIGINT, signal.SIGTERM, *([] if number == signal.SIGHUP else [signal.SIGHUP]))
    handlers = list(map(signal.getsignal, each))
    with monkeypatch.context() as patch:
        Stop(patch, number, iteration)
        assert train.execute(resumed, silent) == "preempted"
    assert handlers == list(map(signal.getsignal, each))
    os.kill(os.getpid(), signal.SIGHUP) if number == signal.SIGHUP else None  # it comes twice, from terminal and shell
    assert (summary(resumed)["status"], summary(resumed)["iteration"]) == ("preempted", iteration)
    assert train.action(resumed) == "resume"
    assert train.execute(resumed, silent) == "completed"
    assert all(map(same, result(whole), result(resumed)))


def test_a_run_that_nohup_started_ignores_sighup(plan, monkeypatch):
    job = plan("iterations=12")
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with monkeypatch.context() as patch:
            Stop(patch, signal.SIGHUP, 8)
            assert train.execute(job, silent) == "completed"
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_comes_while_lightning_starts_stops_the_run_with_a_checkpoint(plan, monkeypatch, number):
    start = StopOnSignal.on_train_start

    def signalled(hooks, *args):
        os.kill(os.getpid(), number)
        start(hooks, *args)

    monkeypatch.setattr(StopOnSignal, "on_train_start", signalled)
    job = plan()
    assert train.execute(job, silent) == "preempted"
    assert (summary(job)["status"], summary(job)["iteration"]) == ("preempted", 1)
    assert checkpoint.load(job.directory / files.CHECKPOINT)["iteration"] == 1


def test_a_second_ctrl_c_stops_at_once(plan, tmp_path, monkeypatch):
    whole, job = plan(outputs=tmp_path / "a"), plan(outputs=tmp_path / "b")
    train.execute(whole, silent)
    handler = signal.getsignal(signal.SIGINT)

    def twice(gan, batch, index, step=GANModule.training_step):
        for _ in range(2 if gan.iteration == 12 else 0):
            os.kill(os.getpid(), signal.SIGINT)
        step(gan, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(GANModule, "training_step", twice)
        with pytest.raises(KeyboardInterrupt):
            train.execute(job, silent)
    assert signal.getsignal(signal.SIGINT) is handler
    assert summary(job)["status"] == "running"
    assert checkpoint.load(job.directory / files.CHECKPOINT)["iteration"] == 10, "nothing was saved on the way out"
    assert not (job.directory / files.LOCK).exists()
    assert train.execute(job, silent) == "completed"
    assert all(map(same, result(whole), result(job)))


def test_a_run_killed_between_checkpoints_ends_with_the_same_bits(plan, tmp_path, monkeypatch):
    """What a kill -9 leaves: rows and pictures newer than the checkpoint, and half a row."""
    whole, resumed = plan(outputs=tmp_path / "a"), plan(outputs=tmp_path / "b")
    train.execute(whole, silent)

    class Killed(BaseException):
        pass

    def die(gan, batch, index, step=GANModule.training_step):
        if gan.iteration == 18:
            raise Killed
        step(gan, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(GANModule, "training_step", die)
        with pytest.raises(Killed):
            train.execute(resumed, silent)
    with (resumed.directory / files.METRICS).open("a") as file:
        file.write("20,32")
    assert summary(resumed)["status"] == "running"
    assert train.action(resumed) == "resume"
    assert train.execute(resumed, silent) == "completed"
    assert all(map(same, result(whole), result(resumed)))


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 not a checkpoint"])
def test_a_damaged_checkpoint_is_refused_and_the_run_begins_again(plan, tmp_path, damage):
    whole, resumed = plan(outputs=tmp_path / "a"), plan("iterations=20", outputs=tmp_path / "b")
    train.execute(whole, silent)
    short = plan("iterations=8", outputs=tmp_path / "b")
    train.execute(short, silent)
    (short.directory / files.CHECKPOINT).write_bytes(damage)
    reported = []
    assert train.execute(resumed, reported.append) == "completed"
    assert any("not a checkpoint" in event.get("text", "") for event in reported)
    assert all(map(same, result(whole), result(resumed)))
    with pytest.raises(UserError, match="there is no checkpoint"):
        checkpoint.load(tmp_path / "nothing")


@pytest.mark.parametrize("annealed", [[], ["horizon=15", "noise=instance", "+schedule@noise.sigma=linear"]])
def test_more_iterations_extend_a_finished_run_as_if_it_had_never_ended(plan, tmp_path, annealed):
    whole = plan("iterations=20", *annealed, outputs=tmp_path / "a")
    short, longer = (plan(f"iterations={n}", *annealed, outputs=tmp_path / "b") for n in (9, 20))
    assert short.directory == longer.directory
    train.execute(whole, silent)
    train.execute(short, silent)
    assert (train.action(short), train.action(longer)) == ("skip: completed", "extend")
    train.execute(longer, silent)
    assert (train.action(short), train.action(longer)) == ("skip: completed", "skip: completed")
    saved, table, pictures = result(longer)
    assert pictures.pop("0000009.png"), "the picture at the former end stays"
    assert all(map(same, result(whole), (saved, table, pictures)))


@pytest.mark.parametrize("status", ["completed", "diverged"])
def test_what_wandb_knows_of_a_run_read_back(plan, status):
    """No key of the summary is a column of the rows with another meaning, and a divergence cannot be overlooked."""
    loud = ["optimizer.generator.lr=1e30", "evaluate_every=20"] if status == "diverged" else []
    job = plan("logger=wandb", "logger.mode=offline", "log_every=1", "diagnostics.spectrum_every=20", *loud)
    assert train.execute(job, silent) == status
    (path,) = fragments.find(job.directory)
    records = [json.loads(line) for line in fragments.inspect(path).splitlines()]
    reported: dict = {}
    for record in records:
        reported |= record.get("summary", {}).get("update", {})
    logged = {key for record in records for key in record.get("history", {}).get("item", {})}
    own = wandb.summary_values(summary(job))
    assert logged & set(own) <= {"iteration", "seconds"} | ({"metric/modes"} if status == "diverged" else set())
    assert reported["status"] == status
    (end,) = [record["exit"] for record in records if record["type"] == "exit"]
    assert end["exit_code"] == (0 if status == "completed" else 1)
    if status == "completed":
        last = rows(job)[-1]
        assert reported["oscillation/generator"] == pytest.approx(float(last["oscillation/generator"]))
        assert reported["last_half/oscillation/generator"] == pytest.approx(summary(job)["oscillation"]["generator"])
    else:
        assert reported["diverged_at"] == summary(job)["diverged_at"]
        assert {reported[f"metrics/{name}/final"] for name in ("modes", "high_quality", "kl", "wasserstein")} == {None}


def test_divergence_ends_a_run_with_its_last_good_state(plan):
    job = plan("optimizer@optimizer.discriminator=sgd", "optimizer.discriminator.lr=1e12", "loss=lsgan")
    assert train.execute(job, silent) == "diverged"
    reported = summary(job)
    assert reported["status"] == "diverged"
    assert reported["diverged_at"] == reported["iteration"] + 1 < 20
    saved = torch.load(job.directory / files.CHECKPOINT, weights_only=True)
    assert saved["iteration"] == reported["iteration"]
    assert all(bool(torch.isfinite(value).all()) for value in saved["state_dict"].values())
    assert train.action(job) == "skip: diverged"


def test_a_failure_leaves_its_traceback_and_runs_again_only_when_asked(plan, monkeypatch):
    job = plan()
    with monkeypatch.context() as patch:
        patch.setattr(GANModule, "training_step", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train.execute(job, silent)
    assert summary(job)["status"] == "failed"
    assert "ZeroDivisionError" in summary(job)["error"]
    assert "Traceback" in (job.directory / files.LOG).read_text()
    assert train.action(job) == "skip: failed"
    again = plan("retry=true")
    assert again.directory == job.directory
    assert train.action(again) == "run"
    assert train.execute(again, silent) == "completed"
    assert "error" not in summary(job)
    assert not (job.directory / files.LOG).exists(), "it says why the run failed, which it has not"


class Witness:
    """A logger that keeps what it is told at the end."""

    def __init__(self, reported):
        self.told = reported

    def open(self, info):
        pass

    def row(self, row):
        pass

    def picture(self, iteration, name, path):
        pass

    def close(self, summary):
        self.told.append(summary["status"])


@pytest.mark.parametrize(("step", "status"), [(None, "completed"), (lambda *_: 1 / 0, "failed")])
def test_the_logger_is_told_how_it_ended(plan, monkeypatch, step, status):
    reported = []
    monkeypatch.setattr(executing, "build", lambda config: replace(build(config), logger=Witness(reported)))
    if step:
        monkeypatch.setattr(GANModule, "training_step", step)
    with contextlib.suppress(ZeroDivisionError):
        train.execute(plan(), silent)
    assert reported == [status]


def test_progress_is_told(plan):
    reported = []
    train.execute(plan(), reported.append)
    last = [event for event in reported if event["kind"] == "progress"][-1]
    assert (last["iteration"], last["iterations"]) == (20, 20)
    assert math.isfinite(last["metrics"]["wasserstein"])


def test_taking_metrics_and_pictures_changes_no_bit_of_the_training(plan, tmp_path):
    often, never = plan("evaluate_every=1"), plan("evaluate_every=1000", outputs=tmp_path / "b")
    for job in (often, never):
        train.execute(job, silent)
    for part in ("state_dict", "rules"):
        assert same(result(often)[0][part], result(never)[0][part])
