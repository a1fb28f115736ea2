"""Tuned comparisons with worker processes: launched twice at once, killed in each stage."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

import formula
from tuned_toy import JOBS, command

METHOD = ("datasets", "ring", "methods", "lsgan_alpha")


def launch(folder, name):
    """Start the comparison in a session of its own."""
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(formula.__file__), "COLUMNS": "200"}
    return subprocess.Popen(
        [sys.executable, "-m", "steadygan", "train", "-m", *command(f"outputs={name}")],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def found(folder, name):
    """What ``tuned.json`` says of the method, but for the folder."""
    node = json.loads((folder / name / "tuned" / "tuned.json").read_text())
    for key in METHOD:
        node = node[key]
    return {**node, "overrides": [text for text in node["overrides"] if not text.startswith("outputs=")]}


@pytest.mark.soak
def test_two_launches_at_once_share_the_jobs(tmp_path):
    both = [launch(tmp_path, "outputs") for _ in range(2)]
    texts = []
    readers = [threading.Thread(target=lambda one: texts.append(one.communicate()[0]), args=(one,)) for one in both]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(timeout=240)
    assert [one.returncode for one in both] == [0, 0], texts
    for stage, count in JOBS.items():
        assert len(list((tmp_path / "outputs" / "tuned" / stage).glob("*/metrics.csv"))) == count, "a folder each"
    alone = launch(tmp_path, "alone")
    alone.communicate()
    assert found(tmp_path, "outputs") == found(tmp_path, "alone")


@pytest.mark.soak
def test_killed_in_each_stage_it_ends_the_same(tmp_path):
    for stage in JOBS:
        process = launch(tmp_path, "killed")
        here = False
        for line in process.stdout:
            here = here or f", {stage}: " in line
            if here and line.startswith("start "):
                os.killpg(process.pid, signal.SIGKILL)
                break
        process.communicate()
        assert process.returncode == -signal.SIGKILL, f"the stage {stage} was never begun"
    for name in ("killed", "alone"):
        process = launch(tmp_path, name)
        said = process.communicate()[0]
        assert process.returncode == 0, said
    assert found(tmp_path, "killed") == found(tmp_path, "alone")
    for stage, count in JOBS.items():
        runs = sorted(path.parent.name for path in (tmp_path / "killed" / "tuned" / stage).glob("*/summary.json"))
        assert len(runs) == count
        for run in runs:
            rows = [
                (tmp_path / name / "tuned" / stage / run / "metrics.csv").read_text() for name in ("killed", "alone")
            ]
            own, other = ([line.split(",")[3:] for line in text.splitlines()] for text in rows)
            assert own == other, "to the bit, but for the seconds"
