"""Runs that are killed with -9 at random moments end with the same bits as runs that are left alone."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from steadygan import train
from steadygan.runs import files

RING = [
    "network.width=8",
    "network.latent=4",
    "batch_size=16",
    "log_every=5",
    "evaluate_every=30",
    "metrics.modes.samples=200",
    "metrics.modes.wasserstein_samples=50",
    "regularizer=[r1]",
    "checkpoint_every=10",
    "keep_best=wasserstein",
]
DIGITS = [
    "dataset=digits",
    "network=dcgan",
    "network.width=4",
    "network.latent=4",
    "batch_size=8",
    "log_every=5",
    "evaluate_every=20",
    "checkpoint_every=4",
    "metrics=[]",
    "regularizer=[r1]",
]
RULE = "optimizer@optimizer.discriminator"
CASES = {
    "adam on ring": [*RING],
    "sgld_cc on ring": [*RING, f"{RULE}=sgld_cc"],
    "ccadl on ring": [*RING, f"{RULE}=ccadl"],
    "adam on digits": [*DIGITS],
    "sgld_cc on digits": [*DIGITS, f"{RULE}=sgld_cc"],
    "ccadl on digits": [*DIGITS, f"{RULE}=ccadl"],
}
SINGLE, POPULATION = [], ["engine=population"]


def torment(kills, seed, folder, *overrides):
    program = Path(__file__).parents[1] / "helpers" / "killing.py"
    command = [sys.executable, str(program), str(kills), str(seed), str(folder), *overrides]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3000, check=False)
    assert done.returncode == 0, done.stderr
    reported = json.loads(done.stdout.splitlines()[-1])
    print(" ".join(overrides), reported)
    assert reported["differences"] == []
    return reported


@pytest.mark.parametrize(("case", "engine"), [("ccadl on ring", SINGLE), ("sgld_cc on digits", POPULATION)])
def test_a_few_kills(tmp_path, case, engine):
    reported = torment(3, 0, tmp_path, "iterations=40", *CASES[case], *engine)
    assert reported["kills"] >= 2
    assert reported["resumed"][-1] > 0, "no launch began at a checkpoint"


@pytest.mark.soak
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("engine", [SINGLE, POPULATION], ids=["single", "population"])
def test_many_kills(tmp_path, case, engine):
    """As many in all as the environment variable ``STEADYGAN_KILLS`` says."""
    kills = -(-int(os.environ.get("STEADYGAN_KILLS", "200")) // (2 * len(CASES)))
    reported = torment(kills, kills, tmp_path, f"iterations={max(40, 6 * kills)}", *CASES[case], *engine)
    assert reported["kills"] >= kills // 2
    assert reported["in_checkpoint"] >= kills // 10


def test_the_command_itself_killed_while_it_writes_a_checkpoint(compose, tmp_path):
    """The whole command in a process of its own, as a machine that loses its power ends it."""
    tiny = [*RING[:8], "iterations=60", "checkpoint_every=2", "logger=none"]
    command = [sys.executable, "-m", "steadygan", "train", *tiny, f"outputs={tmp_path / 'killed'}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 300
    while not list(tmp_path.glob("killed/*/*/checkpoints/.last.ckpt.*")):
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGKILL)
    process.wait()
    (run,) = tmp_path.glob("killed/*/*")
    assert files.read_summary(run)["status"] == "running"
    assert (run / files.LOCK).exists()
    for outputs in ("killed", "undisturbed"):
        given = [*tiny, f"outputs={tmp_path / outputs}"]
        job = train.plan(compose(*given), given)
        assert train.action(job) == ("resume" if outputs == "killed" and files.checkpoints(run) else "run")
        assert train.execute(job, lambda event: None) == "completed"
    (other,) = tmp_path.glob("undisturbed/*/*")
    a, b = (torch.load(each / files.CHECKPOINT, weights_only=True) for each in (run, other))
    assert all(torch.equal(a["state_dict"][name], b["state_dict"][name]) for name in a["state_dict"] | b["state_dict"])
    rows = [[{**row, "seconds": ""} for row in files.read_rows(each / files.METRICS)] for each in (run, other)]
    assert rows[0] == rows[1]
    assert not (run / files.LOCK).exists()
    assert not list(run.rglob("*.tmp"))
