"""From the command line to the jobs that a multirun runs: what each composes, and in which folder."""

import os

import pytest
import yaml

from steadygan import cli
from steadygan.sweeps.planning import plan

TINY = ["logger=none", "iterations=2", "network.width=4", "network.latent=2", "metrics=[]"]


@pytest.fixture
def launched(tmp_path, monkeypatch):
    """``launched("train", "-m", ...)``: the jobs that would be run, round for round."""
    monkeypatch.chdir(tmp_path)
    rounds = []

    def instead(function, jobs, **how):
        rounds.append(list(jobs))
        return {job.signature: "completed" for job in jobs}

    monkeypatch.setattr("steadygan.sweeps.launching.run_all", instead)

    def call(*arguments):
        rounds.clear()
        assert cli.main([*arguments]) == 0
        return list(rounds)

    return call


def swept(folder):
    return yaml.safe_load((folder / "sweep.yaml").read_text())["swept"]


def test_the_last_word_counts_as_it_does_in_a_single_run(launched, plain):
    """Both prefixes set one key: what is written last is what every job has."""
    asked = ["loss=lsgan", "network.width=6", "++network.width=8", "~metrics.modes", "+loss@twin=hinge"]
    (jobs,) = launched("train", "-m", "seed=0,1", *[text for text in TINY if text != "metrics=[]"], *asked)
    assert [(job.seed, job.config["network"]["generator"]["width"]) for job in jobs] == [(0, 8), (1, 8)]
    single = plain("seed=1", *[text for text in TINY if text != "metrics=[]"], *asked)
    assert {key: value for key, value in jobs[1].config.items() if key != "hydra"} == single


def test_what_a_sweep_varies_can_be_fixed_with_any_prefix(launched, tmp_path):
    (jobs,) = launched("sweep", "gamma", *TINY, "++seed=7")
    assert {job.seed for job in jobs} == {7}
    assert sorted(job.config["regularizer"]["r1"]["gamma"] for job in jobs) == [0, 0.001, 0.01, 0.1, 1, 10, 100]
    assert swept(tmp_path / "outputs/gamma") == {"regularizer.r1.gamma": [0, 0.001, 0.01, 0.1, 1, 10, 100]}


def test_each_job_is_told_its_own_number_and_overrides(launched, tmp_path):
    own = tmp_path / "own/experiment/told.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("# @package _global_\nname: 'job ${hydra:job.num}: ${hydra:job.override_dirname}'\n")
    (jobs,) = launched("train", "-m", "--config-dir", "own", "experiment=told", "seed=4,5", "logger=none")
    names = [f"job {number}: experiment=told,logger=none,seed={4 + number}" for number in (0, 1)]
    assert [job.directory.parent.name for job in jobs] == names
    assert [job.seed for job in jobs] == [4, 5]
    assert all((tmp_path / "outputs" / name / "sweep.yaml").exists() for name in names)


def test_jobs_have_the_environment_that_hydra_is_asked_for(launched, tmp_path, monkeypatch):
    monkeypatch.delenv("MINE", raising=False)
    (jobs,) = launched("train", "-m", *TINY, "+hydra.job.env_set.MINE=3", "name='of-${oc.env:MINE}'", "seed=0,1")
    assert {job.directory.parent for job in jobs} == {tmp_path / "outputs/of-3"}
    assert "MINE" not in os.environ


def test_a_run_in_two_folders_is_run_in_both(launched, tmp_path):
    rounds = launched("train", "-m", *TINY, "name=a,b", "seed=0,1")
    assert [[(job.directory.parent.name, job.seed) for job in jobs] for jobs in rounds] == [
        [("a", 0), ("a", 1)],
        [("b", 0), ("b", 1)],
    ]
    assert swept(tmp_path / "outputs/a") == swept(tmp_path / "outputs/b") == {"seed": [0, 1]}


@pytest.mark.parametrize(
    "asked", ["iterations=3,4", "engine=lightning,population", "trainer.threads=1,2", "++keep_checkpoints=1,2"]
)
def test_settings_that_make_no_other_run_cannot_be_swept_in_one_folder(capsys, tmp_path, monkeypatch, asked):
    """The second job would be taken for the first and left out without a word."""
    monkeypatch.chdir(tmp_path)
    key, _, values = asked.lstrip("+").partition("=")
    assert cli.main(["train", "-m", *TINY, asked, "seed=0,1"]) == 2
    message = capsys.readouterr().err
    assert all(f"{key}={value}" in message for value in values.split(","))
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize("empty", ["seed=range(0,0)", "seed=range(5,1)", "loss=glob(nothing*)", "seed=range(0,3,0)"])
def test_a_multirun_of_nothing_is_a_mistake(capsys, tmp_path, monkeypatch, empty):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", "-m", *TINY, empty]) == 2
    assert empty in capsys.readouterr().err
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize("many", [True, False])
def test_a_name_stays_what_was_typed(launched, tmp_path, monkeypatch, many):
    """Hydra reads numbers, truth values and null; a folder is called what the user calls it."""
    names = ["1e3", "null", "True", "-1", "0x1f", "1_000", "nan", "plain", "'a, b'", "a\\,1", "07"]
    folders = ["1e3", "null", "True", "-1", "0x1f", "1_000", "nan", "plain", "a, b", "a,1", "07"]
    if many:
        rounds = launched("train", "-m", *TINY, f"name={','.join(names)}", "outputs=1e3")
        assert [jobs[0].directory.parent for jobs in rounds] == [tmp_path / "1e3" / name for name in folders]
        return
    planned = []

    def main_job(config, request):
        planned.append(plan(config, []).directory.parent)

    monkeypatch.setattr("steadygan.train.main_job", main_job)
    for name in names[:3]:
        assert cli.main(["train", *TINY, f"++name={name}", "outputs=0x10"]) == 0
    assert planned == [tmp_path / "0x10" / name for name in folders[:3]]


def test_a_tilde_is_the_home_folder(launched, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for written in ("outputs=~/x", 'outputs="~/x"'):
        (jobs,) = launched("train", "-m", *TINY, written, "seed=0,1")
        assert jobs[0].directory.parent == tmp_path / "home" / "x" / "runs"
    assert (tmp_path / "home/x/runs/sweep.yaml").exists()
    assert not (tmp_path / "~").exists()
    assert cli.main(["theory", "distances", "outputs=~/x"]) == 0
    assert (tmp_path / "home/x/theory/distances/results.json").exists()
