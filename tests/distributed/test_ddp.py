"""Two processes with half the batch each against one with the whole."""

import csv
import json
import os
import signal
import subprocess
import sys

import pytest
import torch
from omegaconf import OmegaConf
from torch.utils._pytree import tree_flatten

import ddp_functions
from hydra_plugins.steadygan.local import LocalLauncher
from steadygan import train
from steadygan.common.errors import UserError
from steadygan.common.paths import conf_dir
from steadygan.config.targets import metric_nodes
from steadygan.distributed import cluster
from steadygan.distributed.spawn import ProcessFailed, spawn
from steadygan.runs import files
from steadygan.sweeps import executing
from tiny import silent, tiny

RUN = [
    *["trainer=ddp", "trainer.accelerator=cpu", "network.width=8", "network.latent=4", "batch_size=12"],
    *["iterations=20", "seed=3"],
]
PLANE = ["metrics=[modes]", "metrics.modes.samples=301", "metrics.modes.wasserstein_samples=101"]
DOUBLE = "trainer.precision=64"
PICTURES = ["dataset=digits", "network=dcgan", "network.width=2"]
IMAGES = [*PICTURES, "metrics=[fid]", "metrics.fid.samples=201"]
SCORES = [
    "metrics=[fid,fid_test,inception_score,kid,precision_recall,density_coverage,fid_infinity,class_histogram,"
    "sliced_wasserstein,confidence]",
    *(
        f"metrics.{name}.samples=201"
        for name in (
            *("fid", "fid_test", "inception_score", "kid"),
            *("precision_recall", "class_histogram", "sliced_wasserstein", "confidence"),
        )
    ),
    *["metrics.density_coverage.samples=151", "metrics.fid_infinity.samples=301", "metrics.fid_infinity.least=101"],
    "metrics.kid.subset_size=99",
]
ASKED = ["labels=conditional", "metrics@labels.metrics=[]", "metrics=[intra_fid,class_match]"]
ASKED += ["metrics.intra_fid.samples=601", "metrics.class_match.samples=201"]
VECTORS = [*PLANE, "metrics=[modes,wasserstein,exact_density]", "metrics.wasserstein.samples=51"]
VECTORS += ["metrics.exact_density.samples=301"]
TELLING = ["labels=semi_supervised", "metrics@labels.metrics=[]", "metrics=[accuracy]", "metrics.accuracy.examples=101"]
STACKED = ["dataset._target_=steadygan.data.stacked.Stacked", "+dataset.digits._target_=steadygan.data.digits.Digits"]
STACKED += ["dataset.num_data=50", "~dataset.size", "~dataset.split", "metrics=[stacked_modes]"]
STACKED += ["metrics.stacked_modes.samples=201"]
PLAYERS = ("generator", "discriminator")


def rules(name):
    return [f"optimizer@optimizer.{player}={name}" for player in PLAYERS]


EXACT = {
    "r1_adam": ["regularizer=[r1]", *PLANE],
    "wgan_gp": ["loss=wasserstein", "regularizer=[gradient_penalty]", "game.n_critic=5", "iterations=8", *PLANE],
    "sgld": [*rules("sgld"), "regularizer=[r1]", "metrics=[]"],
    "sgld_cc": [*rules("sgld_cc"), "metrics=[]"],
    "spectral_norm": ["network.spectral_norm=true", "loss=hinge", "metrics=[]"],
    "blur_copies": ["noise=blur_instance", "++noise.copies=2", *IMAGES, "iterations=6"],
    "unrolled": ["game=unrolled", "metrics=[]"],
    "consensus": ["game=consensus", "metrics=[]"],
    "lecam": ["regularizer=[lecam]", "regularizer.lecam.decay=0.5", "metrics=[]"],
    "ada": [*IMAGES[:3], "noise=ada", "noise.start=0.5", "noise.horizon=200", "metrics=[]", "iterations=9"],
    "lazy": ["regularizer=[r1]", "regularizer.r1.every=3", "metrics=[]"],
    "smoothed": ["loss.real_label=0.95", "loss.real_spread=0.25", "loss.fake_spread=0.3", "metrics=[]"],
    "conditional": ["labels=conditional", "regularizer=[r1]", "metrics=[]"],
    "ensemble": ["discriminator.ensemble=2", "regularizer=[gradient_penalty]", "loss=wasserstein", "metrics=[]"],
    "scores": [*IMAGES, *SCORES, "iterations=3"],
    "grows": [
        *["dataset=digits", "network=progressive", "network.width=2", "scheme=progressive", "metrics=[]"],
        *["scheme.images=36", "scheme.fading=60", "regularizer=[r1]", "iterations=10"],
    ],
    "pretrained": [
        *["dataset=digits", "network=dcgan", "network.width=2", "metrics=[]", "scheme=pretrain"],
        *["scheme.epochs=1", "scheme.discriminator_epochs=1"],
        *["scheme.batch_size=240", "network.discriminator_norm=batch", "labels=conditional", "labels.metrics={}"],
        "iterations=3",
    ],
    "scores_of_classes": [*PICTURES, *ASKED, "iterations=3"],
    "scores_of_vectors": [*VECTORS, "iterations=3"],
    "scores_of_a_classifier": [*PICTURES, *TELLING, "iterations=3"],
    "scores_of_modes": [*PICTURES, *STACKED, "iterations=3"],
    "batch_norm": [*IMAGES, "network.discriminator_norm=batch", "regularizer=[r1]", "iterations=20"],
    "class_norm": [
        *[
            "dataset=digits",
            "network=wgan_gp_resnet",
            "network.width=2",
            "network.discriminator_width=2",
            "iterations=5",
        ],
        *["labels=conditional", "labels.how=projection", "labels.generator=batch_norm", "metrics=[]"],
        "metrics@labels.metrics=[]",
    ],
}
"""What is the same but for the order of sums in float64."""

SCORED = [name for name in EXACT if name.startswith("scores")]


def case(plain, *overrides):
    return plain(*tiny(*RUN, *overrides))


@pytest.fixture(scope="module")
def cases(plain):
    configs = {name: case(plain, DOUBLE, *overrides) for name, overrides in EXACT.items()}
    configs["one_step"] = case(plain, "regularizer=[r1]", "iterations=1", "metrics=[]")
    configs["bf16"] = case(plain, "regularizer=[r1]", "trainer.precision=bf16", "iterations=3", "metrics=[]")
    configs["local_batch_norm"] = case(plain, DOUBLE, *IMAGES, "trainer.sync_batchnorm=false", "iterations=5")
    rate = [f"optimizer.{player}.lr=1e12" for player in PLAYERS]
    configs["diverges"] = case(plain, "loss=lsgan", *rules("sgd"), *rate, "metrics=[]")
    return configs


@pytest.fixture(scope="module")
def found(cases):
    """Of all cases, from one pair of processes."""
    for config in cases.values():
        ddp_functions.build(config)  # classifiers are trained once
    return spawn("ddp_functions:together", cases, silent, 2)


def test_every_metric_is_tried(cases):
    tried = {metric for name in SCORED for metric in metric_nodes(cases[name]["metrics"])}
    assert tried == {path.stem for path in (conf_dir() / "metrics").glob("*.yaml")}


def close(actual, expected, tolerance):
    (leaves, shape), (others, other_shape) = tree_flatten(actual), tree_flatten(expected)
    assert shape == other_shape
    for a, b in zip(leaves, others):
        torch.testing.assert_close(torch.as_tensor(a), torch.as_tensor(b), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", EXACT)
def test_two_processes_take_the_steps_of_one(cases, found, name):
    single = ddp_functions.alone(cases[name])
    assert found[name]["diverged_at"] is single["diverged_at"] is None
    close(found[name]["state"], single["state"], 1e-10)
    close(found[name]["logs"], single["logs"], 1e-10)


@pytest.mark.parametrize("name", ["r1_adam", "wgan_gp", "blur_copies", "batch_norm", *SCORED])
def test_metrics_are_those_of_one_process(cases, found, name):
    """Of numbers of samples that do not divide."""
    scores = ddp_functions.alone(cases[name])["scores"]
    assert all(value == value for value in scores.values())
    assert scores
    assert found[name]["scores"] == pytest.approx(scores, abs=1e-9, rel=1e-9)


def test_in_float32_a_step_is_the_same_to_rounding(cases, found):
    close(found["one_step"]["state"], ddp_functions.alone(cases["one_step"])["state"], 2e-6)


def test_bf16(cases, found):
    """Losses in bf16 see other roundings of sums; penalties are in float32."""
    single = ddp_functions.alone(cases["bf16"])
    assert found["bf16"]["diverged_at"] is None
    close(found["bf16"]["logs"], single["logs"], 3e-2)
    assert found["bf16"]["logs"]["penalty/r1"] == pytest.approx(single["logs"]["penalty/r1"], rel=1e-2)


def test_all_processes_have_the_same_bits(cases, found):
    assert set(found) == set(cases)
    assert all(result["same"] for result in found.values())


def test_without_sync_the_statistics_are_those_of_the_parts(cases, found):
    local, whole = found["local_batch_norm"]["state"], ddp_functions.alone(cases["local_batch_norm"])["state"]
    differences = [(local.ema[name] - value).abs().max().item() for name, value in whole.ema.items()]
    assert max(differences) > 1e-4
    assert all(value.isfinite().all() for value in local.ema.values())


def test_divergence_is_agreed_upon(cases, found):
    assert found["diverges"]["diverged_at"] == ddp_functions.alone(cases["diverges"])["diverged_at"] is not None


def test_each_process_has_its_slice_of_the_draws_and_all_the_same_noise_of_the_rule(cases, found):
    batches, whole = found["sgld"]["batches"], ddp_functions.alone(cases["sgld"])["batch"]
    for part in ("latent", "real"):
        slices = [batch[part] for batch in batches]
        assert [len(each) for each in slices] == [6, 6]
        assert torch.equal(torch.cat(slices), whole[part])
        assert not torch.equal(*slices)
    for name, noise in whole["rule"].items():
        assert all(torch.equal(batch["rule"][name], noise) for batch in batches)
    copies = [torch.cat(pair) for pair in zip(*(batch["noise_real"] for batch in found["blur_copies"]["batches"]))]
    for copy, expected in zip(copies, ddp_functions.alone(cases["blur_copies"])["batch"]["noise_real"], strict=True):
        assert torch.equal(copy, expected)
    assert not torch.equal(*copies)


# --- processes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ("killed", ProcessFailed, "process 1 of 2 was ended by SIGKILL"),
        ("exit", ProcessFailed, "process 1 of 2 ended with exit code 3"),
        ("raises", ProcessFailed, "process 1 of 2 failed:\n(.*\n)*ZeroDivisionError: in process 1"),
        ("mistake", UserError, "^not like this$"),
    ],
)
def test_a_process_that_ends_takes_the_others_down_and_is_named(how, error, words):
    with pytest.raises(error, match=words):
        spawn("ddp_functions:lose_one", how, silent, 2)


def test_a_failed_process_fails_the_job_with_its_words(plan, monkeypatch):
    job = plan("metrics=[]")
    monkeypatch.setattr(executing, "spawn", lambda _, *rest: spawn("ddp_functions:lose_one_of_a_job", *rest))
    with pytest.raises(ProcessFailed):
        train.execute(job, silent)
    summary = json.loads((job.directory / files.SUMMARY).read_text())
    assert (summary["status"], summary["error"]) == ("failed", "ZeroDivisionError: in process 1")
    assert "process 1 of 2 failed" in (job.directory / files.LOG).read_text()


def rows(job):
    with (job.directory / files.METRICS).open() as file:
        return [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]


def test_a_run_that_is_stopped_ends_with_the_same_bits_and_says_how_many_devices_it_had(plan, tmp_path):
    algorithm = [*rules("sgld"), *PLANE, "log_every=5", "evaluate_every=40", "network.width=4"]
    endless = plan(*algorithm, "iterations=1000000")

    def stop(event):
        if event["kind"] == "progress" and event["iteration"] > 2:
            os.kill(os.getpid(), signal.SIGTERM)

    assert train.execute(endless, stop) == "preempted"
    reported = json.loads((endless.directory / files.SUMMARY).read_text())
    assert reported["status"] == "preempted"
    assert reported["iteration"] > 2

    end = reported["iteration"] + 7
    resumed = plan(*algorithm, f"iterations={end}")
    whole, events = plan(*algorithm, f"iterations={end}", outputs=tmp_path / "whole"), []
    assert resumed.directory == endless.directory
    assert train.execute(resumed, silent) == train.execute(whole, events.append) == "completed"

    first, second = (torch.load(job.directory / files.CHECKPOINT, weights_only=True) for job in (whole, resumed))
    for saved in (first, second):
        saved.pop("seconds")
    assert tree_flatten(first)[1] == tree_flatten(second)[1]
    assert ddp_functions.same(tree_flatten(first)[0], tree_flatten(second)[0])
    assert rows(whole) == rows(resumed)
    expected = {*range(5, end + 1, 5), *range(40, end + 1, 40), end}
    assert [int(row["iteration"]) for row in rows(whole)] == sorted(expected)
    assert json.loads((whole.directory / files.SUMMARY).read_text())["devices"] == 2
    assert [event["iteration"] for event in events if event["kind"] == "progress"][-1] == end
    assert (whole.directory / files.SAMPLES / f"{end:07d}.png").exists()


# --- what is asked --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["batch_size=13"], "batch_size=13: must be a multiple of the 2 processes"),
        (["trainer.devices=0"], "trainer.devices=0: must be a whole number"),
        (["trainer.devices=[0,1]"], "trainer.devices=.*: must be a whole number"),
        (["trainer.num_nodes=2"], "trainer.num_nodes=2: this command starts processes on this machine alone"),
        (["trainer.timeout=0"], "trainer.timeout=0: must be finite and greater than 0"),
        (["trainer.sync_batchnorm=maybe"], "trainer.sync_batchnorm=maybe: must be true or false"),
        (["trainer.accelerator=tpu"], "trainer.accelerator=tpu: no such choice"),
        (
            ["trainer.devices=4", "metrics=[modes]", "metrics.modes.samples=3"],
            "metrics.modes.samples=3: fewer than the 4 processes",
        ),
    ],
)
def test_mistakes_are_told_before_anything_starts(plan, overrides, words):
    with pytest.raises(UserError, match=words):
        plan(*overrides)


def test_devices_are_no_part_of_the_signature_but_statistics_are(plan, planned):
    signature = plan().signature
    assert plan("trainer.devices=3", "trainer.timeout=60").signature == signature
    assert plan("trainer.sync_batchnorm=false").signature != signature
    assert (
        planned("trainer=cpu", *(text for text in tiny(*RUN) if not text.startswith("trainer"))).signature == signature
    )


@pytest.mark.parametrize("accelerator", ["cpu", "auto"])
def test_a_sweep_on_cpus_runs_as_many_at_a_time_as_there_are_cores_for_and_one_on_gpus(monkeypatch, accelerator):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    launcher = LocalLauncher()
    launcher.config = OmegaConf.create({"trainer": {"accelerator": accelerator, "devices": 2, "num_nodes": 1}})
    assert launcher._count() == 4
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert launcher._count() == (4 if accelerator == "cpu" else 1)


def test_processes_that_others_have_started_are_found(monkeypatch):
    trainer = {"accelerator": "cpu", "devices": 2, "num_nodes": 2}
    assert cluster.rank_info(trainer) is None
    assert cluster.spawns(trainer)
    for name, value in {"SLURM_PROCID": "3", "SLURM_LOCALID": "1", "SLURM_NTASKS": "4"}.items():
        monkeypatch.setenv(name, value)
    assert cluster.rank_info(trainer) is None, "a batch script is one process"
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")
    assert cluster.rank_info(trainer) == cluster.RankInfo(3, 4, 1, "Slurm")
    assert (cluster.rank(trainer), cluster.spawns(trainer)) == (3, False)
    assert cluster.rank({**trainer, "devices": 1, "num_nodes": 1}) == 0, "a run of one device trains by itself"
    with pytest.raises(UserError, match="Slurm started 4 tasks, not one for each"):
        cluster.rank_info({**trainer, "num_nodes": 1})
    for name, value in zip(cluster.TORCHRUN, ("1", "4", "host", "29500")):
        monkeypatch.setenv(name, value)
    assert cluster.rank_info(trainer) == cluster.RankInfo(1, 4, 1, "torchrun")
    with pytest.raises(UserError, match="torchrun has started 4 of it"):
        cluster.refuse_started("a multirun")


# --- who starts the processes ---------------------------------------------------------------------------------------


@pytest.fixture
def command(tmp_path):
    """``command(*words)``: what it printed; its runs are in ``tmp_path``."""

    def call(*words):
        run = [*words, "train", *tiny(*RUN, "iterations=30", "log_every=10", f"outputs={tmp_path}")]
        done = subprocess.run(
            [sys.executable, *run, *call.more], capture_output=True, text=True, check=False, cwd=tmp_path, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    call.more = []
    return call


def summaries(folder):
    return [json.loads(path.read_text()) for path in sorted(folder.glob(f"runs/*/{files.SUMMARY}"))]


def test_a_multirun_makes_each_run_once(command, tmp_path):
    command.more = ["-m", "seed=5,6"]
    printed = command("-m", "steadygan")
    assert printed.count("start ") == 2
    assert sorted(reported["seed"] for reported in summaries(tmp_path)) == [5, 6]
    assert {(reported["status"], reported["devices"]) for reported in summaries(tmp_path)} == {("completed", 2)}
    for table in tmp_path.glob(f"runs/*/{files.METRICS}"):
        assert [line.split(",")[0] for line in table.read_text().splitlines()] == ["iteration", "10", "20", "30"]


def test_torchruns_processes_are_those_of_the_run(command, tmp_path, plan):
    printed = command("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "steadygan")
    assert printed.count("completed") == 1, "the first process speaks for all"
    (reported,) = summaries(tmp_path)
    assert (reported["status"], reported["devices"]) == ("completed", 2)
    job = plan("iterations=30", "log_every=10", "metrics=[]", outputs=tmp_path / "own")
    train.execute(job, silent)
    (run,) = (path.parent for path in tmp_path.glob(f"runs/*/{files.CHECKPOINT.split('/')[0]}"))
    first, second = (torch.load(folder / files.CHECKPOINT, weights_only=True) for folder in (run, job.directory))
    assert ddp_functions.same(*(list(saved["state_dict"].values()) for saved in (first, second)))
