"""Real Slurm: whatever is done to a job, its run ends with the bits of one that was left alone.

The suite has the shortest of these tests; ``pytest -m slurm`` runs all.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch.utils._pytree import tree_flatten

from steadygan import train

HELPERS = Path(__file__).parents[2] / "helpers"
PATIENCE = 1200.0
"""Seconds; a busy machine is no failure."""
TINY = [
    *["logger=none", "network.width=8", "network.latent=4", "batch_size=16", "log_every=10", "evaluate_every=10000"],
    *["checkpoint_every=10000", "metrics.modes.samples=200", "metrics.modes.wasserstein_samples=50"],
    "loss._target_=slow_loss.Slow",
]

GROUP = ["engine=population", "engine.compile=false", "seed=0,1,2", "iterations=400"]
TOGETHER = ["trainer=ddp", "trainer.accelerator=cpu", "iterations=400"]


def nodes():
    """How many answer."""
    if shutil.which("sinfo") is None:
        return 0
    try:
        done = subprocess.run(["sinfo", "-hN", "-p", "low", "-o", "%T"], capture_output=True, text=True, timeout=10)
    except subprocess.TimeoutExpired:
        return 0
    return sum(state in ("idle", "mixed", "allocated", "completing") for state in done.stdout.split())


pytestmark = [
    pytest.mark.slurm,
    pytest.mark.slow,
    pytest.mark.skipif(not nodes(), reason="no Slurm with the partitions main and low answers"),
]


class Sweep:
    """Launches of ``steadygan train -m`` in a folder of its own."""

    def __init__(self, folder):
        self.folder, self.launches = folder, []
        self.environment = {**os.environ, "PYTHONPATH": str(HELPERS), "COLUMNS": "200", "SLOW": "0.02"}

    def launch(self, *arguments, launcher="slurm"):
        options = [f"hydra/launcher={launcher}", *(["hydra.launcher.poll=0.5"] if launcher == "slurm" else [])]
        command = [sys.executable, "-m", "steadygan", "train", "-m", *TINY, *options, *arguments]
        out = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        self.launches.append(subprocess.Popen(command, cwd=self.folder, env=self.environment, **out))
        return self.launches[-1]

    def end(self, launch, code=0):
        said, _ = launch.communicate(timeout=PATIENCE)
        assert launch.returncode == code, said
        return said

    def run(self, seed):
        """The folder of a run that is in Slurm, as soon as it is there."""
        return self.wait_for(lambda: next((path for path in self.submitted() if asked(path)["task"] == seed), None))

    def submitted(self):
        return [run for run in self.runs() if asked(run)["job"]]

    def runs(self):
        return [path.parent for path in self.folder.glob("outputs/runs/*/slurm.json")]

    def wait_for(self, condition):
        until = time.monotonic() + PATIENCE
        while not (found := condition()):
            assert time.monotonic() < until, "waited too long"
            time.sleep(0.1)
        return found

    def started(self, run, row=1):
        self.wait_for(lambda: len(rows(run)) >= row or (run / "log.txt").exists())
        assert not (run / "log.txt").exists(), (run / "log.txt").read_text()

    def saved(self, run):
        """Stopped and saved, before its end."""
        path = self.wait_for(lambda: next(iter(run.glob("checkpoints/last.ckpt")), None))
        return torch.load(path, weights_only=True)["iteration"]

    def close(self):
        for launch in self.launches:
            launch.kill()
            launch.communicate()
        jobs = {asked(run)["job"].partition("_")[0] for run in self.submitted()}
        subprocess.run(["scancel", *jobs], check=False)


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory):
    """Sweeps that nobody disturbs and that run while the first tests do, by name."""
    made = {name: Sweep(tmp_path_factory.mktemp(name)) for name in ("limit", "nodes")}
    # Starting must take less than what the limit leaves, also on a busy machine; so few but slow iterations.
    made["limit"].environment["SLOW"] = "0.1"
    made["limit"].launch(
        "iterations=1000", "logger=wandb", "hydra.launcher.timeout_min=2", "hydra.launcher.signal_delay_s=30"
    )
    if nodes() > 1:
        made["nodes"].launch(*TOGETHER, "trainer.devices=1", "trainer.num_nodes=2")
    yield made
    for each in made.values():
        each.close()


@pytest.fixture
def sweep(tmp_path):
    made = Sweep(tmp_path)
    yield made
    made.close()


def slurm(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def asked(run):
    return json.loads((run / "slurm.json").read_text())


def state(run):
    return slurm("squeue", "-h", "-t", "all", "-j", asked(run)["job"], "-o", "%T").strip()


def status(run):
    return json.loads((run / "summary.json").read_text())["status"]


def log(run):
    return (run.parent / ".slurm" / f"{asked(run)['job']}_0_log.out").read_text()


def rows(run):
    try:
        with (run / "metrics.csv").open() as file:
            return [{**row, "seconds": 0} for row in csv.DictReader(file)]
    except FileNotFoundError:
        return []


def assert_bits(run, expected):
    saved, other = (torch.load(each / "checkpoints/last.ckpt", weights_only=True) for each in (run, expected))
    assert saved["iteration"] == other["iteration"]
    leaves, twins = (tree_flatten({key: each[key] for key in ("state_dict", "rules")})[0] for each in (saved, other))
    assert all(torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b for a, b in zip(leaves, twins, strict=True))
    assert rows(run) == rows(expected)


@pytest.fixture
def undisturbed(compose, tmp_path, monkeypatch):
    """``undisturbed(*overrides)``: the folder of the same run, trained here."""

    def call(*overrides):
        given = [*TINY, *overrides, f"outputs={tmp_path / 'undisturbed'}"]
        job = train.plan(compose(*given), given)
        assert train.execute(job, lambda event: None) == "completed"
        return job.directory

    return call


def test_signalled_and_requeued_runs(sweep, undisturbed):
    launch = sweep.launch("iterations=300", "seed=0,1")
    runs = [sweep.run(seed) for seed in range(2)]
    for run in runs:
        sweep.started(run)
    slurm("scancel", "--signal=USR2", asked(runs[0])["job"])
    slurm("scontrol", "requeue", asked(runs[1])["job"])
    for run in runs:
        assert 10 <= sweep.saved(run) < 300
    assert "2 completed" in sweep.end(launch)
    for seed, run in enumerate(runs):
        assert log(run).count("Starting with") == 2
        assert_bits(run, undisturbed("iterations=300", f"seed={seed}"))


@pytest.mark.soak
def test_requeued_signalled_cancelled_and_preempted_runs(sweep, undisturbed):
    common = ["iterations=400", "seed=0,1,2,3", "hydra.launcher.partition=low"]
    launch = sweep.launch(*common)
    runs = [sweep.run(seed) for seed in range(4)]
    for run in runs:
        sweep.started(run)
    slurm("scancel", "--signal=USR2", asked(runs[1])["job"])
    slurm("scontrol", "requeue", asked(runs[2])["job"])
    slurm("scancel", asked(runs[3])["job"])
    for run in runs[1:]:
        assert 10 <= sweep.saved(run) < 400
    said = sweep.end(launch, 130)
    assert "4 jobs: 4 to run" in said
    assert "1 cancelled, 3 completed" in said
    assert status(runs[3]) == "preempted"
    assert [log(run).count("Starting with") for run in runs] == [1, 2, 2, 1]

    # Again: the cancelled run goes on, is found by the next launch when this one is killed, and is preempted.
    run, before = runs[3], asked(runs[3])["name"]
    launch = sweep.launch(*common)
    sweep.wait_for(lambda: asked(run)["name"] != before and asked(run)["job"])
    launch.kill()
    launch = sweep.launch(*common)
    sweep.started(run, len(rows(run)) + 1)
    slurm("srun", "-p", "main", "-N", str(nodes()), "--exclusive", "true")
    said = sweep.end(launch)
    assert "4 jobs: 1 to resume, 3 skipped (3 completed)" in said
    assert "in Slurm's queue already: 1" in said
    assert "submitted" not in said
    assert log(run).count("Starting with") == 2
    for seed, run in enumerate(runs):
        assert_bits(run, undisturbed("iterations=400", f"seed={seed}"))


@pytest.mark.soak
def test_a_population_is_one_task_and_goes_on_in_its_seats(sweeps, sweep, tmp_path):
    sweep.launch(*GROUP)
    alone = Sweep(tmp_path / "alone")
    alone.folder.mkdir()
    runs = sweep.wait_for(lambda: len(runs := sweep.submitted()) == 3 and runs)
    sweep.started(runs[0])
    assert len({asked(run)["job"] for run in runs}) == 1
    slurm("scancel", "--signal=USR2", asked(runs[0])["job"])
    assert 10 <= sweep.saved(runs[0]) < 400
    said = sweep.end(sweep.launches[0])
    assert "populations: 1 of 3" in said
    assert "3 completed" in said
    alone.environment["SLOW"] = "0"
    alone.end(alone.launch(*GROUP, "engine.workers=1", launcher="population"))
    for run in runs:
        assert_bits(run, alone.folder / run.relative_to(sweep.folder))


@pytest.mark.soak
def test_one_run_of_two_tasks_on_one_node_and_on_two(sweeps, sweep):
    sweep.launch(*TOGETHER, "trainer.devices=2")
    run = sweep.run(0)
    sweep.started(run)
    slurm("scancel", "--signal=USR2", asked(run)["job"])
    assert 10 <= sweep.saved(run) < 400
    assert "1 completed" in sweep.end(sweep.launches[0])
    if nodes() > 1:
        other = sweeps["nodes"]
        assert "1 completed" in other.end(other.launches[0])
        assert_bits(run, other.folder / run.relative_to(sweep.folder))


@pytest.mark.soak
def test_a_time_limit_and_one_run_in_wandb(sweeps, undisturbed):
    sweep = sweeps["limit"]
    run = sweep.run(0)
    assert "1 completed" in sweep.end(sweep.launches[0])
    assert "Job has timed out" in log(run)
    assert "Requeued job" in log(run)
    assert_bits(run, undisturbed("iterations=1000"))
    fragments = [path.name for path in run.glob("wandb/offline-run-*")]
    assert len(fragments) == log(run).count("Starting with") > 1
    assert {name.rpartition("-")[2] for name in fragments} == {run.name.rpartition("-")[2]}
    sync = [sys.executable, "-m", "steadygan", "sync", "outputs/runs", "--dry-run"]
    assert "1 of 1 runs to send" in subprocess.run(sync, cwd=sweep.folder, capture_output=True, text=True).stdout
