"""Runs that the first version left: found by their signatures, resumed, extended, loaded, reported.

``of_the_first_version/`` was written before modules, keys of checkpoints and keys of summaries had their present names.
"""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml

import steadygan
from steadygan import cli
from steadygan.config.building import build_metrics
from steadygan.runs import checkpoint, files
from steadygan.runs.job import action
from steadygan.sweeps import planning
from steadygan.sweeps.executing import execute, execute_group
from steadygan.sweeps.grouping import group
from tiny import silent

FIRST = Path(__file__).with_name("of_the_first_version")
SIGNATURES = json.loads((FIRST / "signatures.json").read_text())
NAMES = ("langevin", "labels", "population")
SINGLE = NAMES[:2]
CLOSE = {"rtol": 1e-3, "atol": 1e-4}
"""Of three iterations in float32, on another processor than theirs."""


@pytest.fixture
def first(tmp_path):
    """A copy of the folder of outputs."""
    return shutil.copytree(FIRST, tmp_path / "outputs")


@pytest.fixture
def jobs(first, planned):
    """``jobs(name, *overrides)``: of a sweep of old, planned now."""

    def call(name, *overrides):
        asked = [yaml.safe_load(path.read_text()) for path in sorted(first.glob(f"{name}/*/{files.OVERRIDES}"))]
        given = [[text for text in each if not text.startswith("outputs=")] for each in asked]
        return [planned(*each, f"outputs={first}", *overrides) for each in given]

    return call


def saved(run):
    return checkpoint.load(run / files.CHECKPOINT)


def rows(run):
    table = files.read_rows(run / files.METRICS)
    return [{key: float(value or "nan") for key, value in row.items() if key != "seconds"} for row in table]


def interrupt(run):
    """Take a finished run back to its checkpoint at iteration 3."""
    shutil.copy(run / "checkpoints" / "0000003.ckpt", run / files.CHECKPOINT)
    files.write_json(run / files.SUMMARY, {**files.read_summary(run), "status": "running", "iteration": 3})


def close(one, other):
    """Whether nested dicts of tensors and numbers are the same, but for rounding; whatever the order of their keys."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            close(one[key], other[key])
    elif isinstance(one, torch.Tensor):
        torch.testing.assert_close(one, other, **CLOSE)
    else:
        assert one == other


def same_end(run, original):
    ours, theirs = saved(run), saved(original)
    assert ours["iteration"] == theirs["iteration"] == 6
    for key in ("state_dict", "rules", "more"):
        close(ours[key], theirs[key])
    assert rows(run)[-1].keys() == rows(original)[-1].keys()
    for row, expected in zip(rows(run), rows(original), strict=True):
        assert row == pytest.approx(expected, rel=1e-2, abs=1e-3, nan_ok=True)


def original(run):
    return FIRST / run.parent.name / run.name


def test_signatures_are_what_they_were(planned, monkeypatch):
    monkeypatch.setattr(planning, "_check_parts", lambda config: None)  # building takes longer than signing
    assert len(SIGNATURES) >= 55
    now = {name: planned(*overrides).signature for name, (_, *overrides) in SIGNATURES.items()}
    assert now == {name: signature for name, (signature, *_) in SIGNATURES.items()}


@pytest.mark.parametrize("name", NAMES)
def test_a_finished_run_is_found_and_not_run_again(jobs, first, name):
    found = jobs(name)
    assert sorted(job.directory for job in found) == sorted(path.parent for path in first.glob(f"{name}/*/config.yaml"))
    assert {action(job) for job in found} == {"skip: completed"}


@pytest.mark.parametrize("name", SINGLE)
def test_a_run_that_was_stopped_ends_as_it_would_have(jobs, name):
    (job,) = jobs(name)
    interrupt(job.directory)
    assert action(job) == "resume"
    assert execute(job, silent) == "completed"
    same_end(job.directory, original(job.directory))


def test_members_of_a_population_go_on_together(jobs):
    members = jobs("population")
    for job in members:
        interrupt(job.directory)
    (together,) = group(members, workers=2, most=lambda job: 100)
    assert together.recorded() is False
    assert [job.signature for job in together.slots] == [job.signature for job in members]
    assert execute_group(together, silent) == {job.signature: "completed" for job in members}
    for job in members:
        same_end(job.directory, original(job.directory))


@pytest.mark.parametrize("name", SINGLE)
def test_a_finished_run_is_extended(jobs, name):
    (job,) = jobs(name, "iterations=8")
    assert action(job) == "extend"
    assert execute(job, silent) == "completed"
    before = rows(original(job.directory))
    assert [row["iteration"] for row in rows(job.directory)] == [2, 4, 6, 8]
    assert rows(job.directory)[2] == pytest.approx(before[2], nan_ok=True)
    assert saved(job.directory)["iteration"] == 8
    summary = files.read_summary(job.directory)
    assert summary["label"] == json.loads((original(job.directory) / files.SUMMARY).read_text())["label"]
    assert "passports" not in json.loads((job.directory / files.SUMMARY).read_text())


@pytest.mark.parametrize("name", NAMES)
def test_a_run_is_loaded_with_its_weights_and_scores(first, name):
    for run in (path.parent for path in first.glob(f"{name}/*/config.yaml")):
        gan = steadygan.load(run)
        weights = torch.load(run / files.CHECKPOINT, weights_only=True)["state_dict"]
        for player in ("generator", "discriminator"):
            for key, value in gan.state.of(player).params.items():
                assert torch.equal(value, weights[f"{player}.{key}"])
        assert gan.sample(5, seed=0).isfinite().all()
        summary = files.read_summary(run)
        assert summary["provenance"]["modes"]["samples"] == 60
        scores = gan.evaluate(build_metrics(gan.config, gan.dataset, gan.components.sampling.labelling))
        expected = {key: value["final"] for key, value in summary["metrics"].items()}
        assert {key: scores[key] for key in expected} == pytest.approx(expected, rel=1e-3, abs=1e-6)


def test_sweeps_are_reported(first):
    assert cli.main(["report", str(first / "population")]) == 0
    table = pd.read_csv(first / "population" / "report" / "results.csv")
    assert sorted(table["regularizer.r1.gamma"]) == [0.1, 1.0]
    finals = [files.read_summary(path)["metrics"]["wasserstein"]["final"] for path in first.glob("population/r1*")]
    assert sorted(table["wasserstein/final"]) == pytest.approx(sorted(finals))


@pytest.mark.parametrize("name", SINGLE)
def test_commands_by_folder(first, name, capsys):
    (run,) = (path.parent for path in first.glob(f"{name}/*/config.yaml"))
    assert cli.main(["evaluate", str(run), "metrics.modes.samples=70"]) == 0, capsys.readouterr().err
    assert cli.main(["sample", str(run)]) == 0, capsys.readouterr().err


def test_a_verdict_of_its_stability(first, capsys):
    (run,) = (path.parent for path in first.glob("langevin/*/config.yaml"))
    assert cli.main(["stability", str(run), "size=64"]) == 0, capsys.readouterr().err
    assert json.loads((run / "stability.json").read_text())["verdict"]
