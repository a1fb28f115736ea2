"""The whole of a tuned comparison, on a metric that is a formula of a setting, so that the best one is known."""

import csv
import json
import math
import os
import re

import pytest

import formula
from steadygan.common.errors import Interrupted
from steadygan.sweeps.executing import execute
from tiny import silent
from tuned_toy import JOBS, command


@pytest.fixture
def call(steadygan, elsewhere, monkeypatch):
    """``call(*arguments, limit=0.7)``: exit code and output of a comparison of one method."""
    monkeypatch.setenv("PYTHONPATH", os.path.dirname(formula.__file__))
    monkeypatch.setenv("COLUMNS", "200")

    def called(*arguments, limit=0.7):
        code, out, error = steadygan("train", "-m", *command(*arguments, limit=limit))
        return code, out + error

    return called


class Inline:
    """Stands for the worker processes: runs jobs here, as many as it may before it is stopped."""

    def __init__(self):
        self.trained, self.left = [], math.inf

    def __call__(self, launcher, missing):
        if launcher.dry_run:
            return {}
        statuses = {}
        for job in missing:
            if self.left <= 0:
                raise Interrupted("stopped")
            self.left -= 1
            self.trained.append(job.directory.parent.name)
            statuses[job.signature] = execute(job, silent)
        return statuses


@pytest.fixture
def inline(monkeypatch):
    from hydra.core.plugins import Plugins

    Plugins.instance()  # which imports the launchers anew
    from hydra_plugins.steadygan.local import LocalLauncher

    inline_workers = Inline()
    monkeypatch.setattr(
        LocalLauncher, "_run", lambda launcher, missing, workers, console: inline_workers(launcher, missing)
    )
    return inline_workers


def alpha(overrides):
    return next(float(text.partition("=")[2]) for text in overrides if text.startswith("loss.alpha.end="))


def settings_tried(root):
    """The alphas of the runs of a stage, as their folders say."""
    texts = [path.read_text() for path in root.glob("*/overrides.yaml")]
    return [float(re.search(r"loss\.alpha\.end=([\d.e-]+)", text)[1]) for text in texts]


def content(tmp_path, *keys):
    node = json.loads((tmp_path / "outputs" / "tuned" / "tuned.json").read_text())
    for key in keys:
        node = node[key]
    return node


METHOD = ("datasets", "ring", "methods", "lsgan_alpha")


def test_the_search_finds_the_best_setting_and_the_final_runs_have_its_numbers(call, inline, steadygan, tmp_path):
    code, out = call()
    assert code == 0, out
    root = tmp_path / "outputs" / "tuned"
    method = content(tmp_path, *METHOD)
    tried = settings_tried(root / "search")
    assert len(set(tried)) == 4
    inside = sorted((value for value in tried if value <= 0.7), key=lambda value: abs(value - 0.3))
    assert alpha(method["tuned"]) == inside[0]
    assert [alpha(each["overrides"]) for each in method["candidates"]] == inside[:2]
    assert method["candidates"][0]["selection"]["scores"] == {"100": pytest.approx(abs(inside[0] - 0.3))}
    assert method["published"] == {"overrides": [], "source": "method=lsgan_alpha"}
    assert sorted(settings_tried(root / "selection")) == sorted(inside[:2])

    finals = [json.loads(path.read_text()) for path in (root / "final").glob("*/summary.json")]
    assert {each["seed"] for each in finals} == {1000, 1001}
    assert [each["iteration"] for each in finals] == [4, 4], "twice as long"
    (published,) = (root / "published").glob("*/metrics.csv")
    with published.open() as file:
        assert [float(row["metric/formula"]) for row in csv.DictReader(file)] == [0.2, 0.2], "alpha ends at 0.5"
    assert "stage 1 of 4, search: 4 settings, 1 seed each, 8 updates of G" in out
    assert out.strip().endswith("next: steadygan report outputs/tuned")

    code, out, error = steadygan("report", str(root), "--write-tuned", str(tmp_path / "conf"))
    assert code == 0, out + error
    with (root / "report" / "methods.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["median"]) == pytest.approx(abs(inside[0] - 0.3))
    assert row["runs"] == "2"
    written = (tmp_path / "conf" / "tuned" / "ring" / "lsgan_alpha.yaml").read_text()
    assert f"end: {inside[0]}" in written


def test_launched_again_nothing_runs_and_what_is_added_runs_alone(call, inline, tmp_path):
    assert call()[0] == 0
    before, inline.trained = content(tmp_path), []
    code, out = call()
    assert (code, inline.trained) == (0, []), out
    assert content(tmp_path) == before

    assert call("hydra.sweeper.stages.final.seed='1000,1001,1002'")[0] == 0
    assert inline.trained == ["final"]
    assert content(tmp_path, *METHOD) == before["datasets"]["ring"]["methods"]["lsgan_alpha"]

    inline.trained = []
    assert call("hydra.sweeper.trials=16")[0] == 0
    assert inline.trained.count("search") == 12
    tried = settings_tried(tmp_path / "outputs" / "tuned" / "search")
    best = min((value for value in tried if value <= 0.7), key=lambda value: abs(value - 0.3))
    tuned = content(tmp_path, *METHOD, "tuned")
    assert alpha(tuned) == best
    moved = before["datasets"]["ring"]["methods"]["lsgan_alpha"]["tuned"] != tuned
    assert inline.trained.count("final") == (2 if moved else 0)
    assert "published" not in inline.trained


@pytest.mark.parametrize("stop", [0, 2, 5, 7, 8], ids=["before", *JOBS])
def test_stopped_anywhere_it_ends_the_same(call, inline, tmp_path, stop, undisturbed):
    inline.left = stop
    assert call()[0] == 130
    assert content(tmp_path, "stages", "search", "trials") == 4, "written before anything runs"
    inline.left = math.inf
    assert call()[0] == 0
    assert inline.trained == [name for name, count in JOBS.items() for _ in range(count)], "each job once"
    assert content(tmp_path, *METHOD) == undisturbed


@pytest.fixture(scope="module")
def whole():
    return {}


@pytest.fixture
def undisturbed(whole, call, inline, tmp_path):
    """What ``tuned.json`` says of the method after a comparison that nothing stops."""
    if not whole:
        call("outputs=undisturbed")
        whole.update(json.loads((tmp_path / "undisturbed" / "tuned" / "tuned.json").read_text()))
        inline.trained = []
    method = dict(whole["datasets"]["ring"]["methods"]["lsgan_alpha"])
    return method | {"overrides": [text for text in method["overrides"] if not text.startswith("outputs=")]}


def test_where_all_runs_fail_the_others_go_on_and_that_is_said(call, inline, tmp_path):
    code, out = call(limit=-1)
    assert code == 0, out
    assert "lsgan_alpha on ring: all runs of the search failed, so there is no tuned setting" in out
    assert content(tmp_path, *METHOD, "candidates") == []
    assert content(tmp_path, *METHOD, "tuned") is None
    assert inline.trained == ["search"] * 4 + ["published"]


def test_a_single_stage_needs_those_before_it(call, inline, tmp_path):
    code, out = call("hydra.sweeper.only=[final]")
    assert code == 2
    assert "hydra.sweeper.only=final: of lsgan_alpha there is no search and selection yet" in out
    assert not (tmp_path / "outputs").exists()
    assert call("hydra.sweeper.only=search")[0] == 0
    assert inline.trained == ["search"] * 4
    code, out = call("hydra.sweeper.only=[final,published]")
    assert code == 2
    assert "no selection yet" in out or "no search and selection yet" in out
    assert call("hydra.sweeper.only=selection")[0] == 0
    assert call("hydra.sweeper.only=[final,published]")[0] == 0
    assert inline.trained == [name for name, count in JOBS.items() for _ in range(count)]


def test_other_data_sets_stay_and_are_searched_in_the_same_way(call, inline, tmp_path):
    assert call()[0] == 0
    before = content(tmp_path, *METHOD)
    code, out = call("dataset=grid", "hydra.sweeper.trials=5")
    assert code == 2
    assert "holds lsgan_alpha, searched with other trials" in out
    assert call("dataset=grid")[0] == 0
    assert set(content(tmp_path, "datasets")) == {"ring", "grid"}
    assert content(tmp_path, *METHOD) == before


def cells(out):
    """The rows of the table, by stage."""
    rows = [line.replace("│", " ").split() for line in out.splitlines() if line.startswith("│")]
    return {name: numbers for name, *numbers in rows}


def test_a_dry_run_says_what_it_would_cost_and_writes_nothing(call, tmp_path):
    code, out = call("--dry-run")
    assert code == 0, out
    assert not (tmp_path / "outputs").exists()
    table = cells(out)
    # updates of G and of D, and both together, since there is no penalty
    assert table["search"][:5] == ["4", "4", "8", "8", "16"]
    assert table["selection"][:5] == ["2", "2", "4", "4", "8"]
    assert table["final"][:5] == ["2", "2", "8", "8", "16"]
    assert table["published"][:5] == ["1", "1", "2", "2", "4"]
    assert table["all"][:5] == ["9", "9", "22", "22", "44"]
    assert float(table["all"][5]) >= 0
    assert "short trial on this machine, one run of lsgan_alpha" in out


def test_a_dry_run_takes_the_rate_of_earlier_runs(call, inline, tmp_path):
    assert call("hydra.sweeper.only=search")[0] == 0
    before = content(tmp_path)
    code, out = call("--dry-run")
    assert code == 0, out
    assert "by the rate of 4 runs of this comparison" in out
    table = cells(out)
    assert table["search"][:3] == ["4", "0", "0"]
    assert table["selection"][:3] == ["2", "2", "4"]
    assert content(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["hydra.sweeper.metric=null"], "hydra.sweeper.metric="),
        (["seed=3"], "each stage has seeds of its own"),
        (["horizon=7"], "set iterations"),
        (
            ["hydra.sweeper.every=[seed,method,dataset,batch_size]", "batch_size=6,8"],
            "batch_size: only method and dataset",
        ),
        (["hydra.sweeper.stages.final.seed='0'"], "hydra.sweeper.stages.final.seed=0"),
        (["hydra.sweeper.metric=fid"], "the runs do not measure this metric"),
        (["hydra.sweeper.metric=modes", "metrics=[modes]"], "compared by what is best small"),
        (["~method"], "which methods"),
        (["hydra.sweeper.trials=0"], "hydra.sweeper.trials=0"),
        (["hydra.sweeper.trials=1"], "there are only 1 trials"),
        (["hydra.sweeper.sampler=tpe"], "unknown sampler"),
        (["hydra.sweeper.only=[first]"], "hydra.sweeper.only=first: no such stage"),
        (["hydra.sweeper.only=[]"], "which stages?"),
        (["hydra.sweeper.floor=-1"], "hydra.sweeper.floor=-1"),
        (["iterations=3", "evaluate_every=2"], "must divide iterations=3"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_runs(call, tmp_path, arguments, message):
    code, out = call(*arguments)
    assert code == 2, out
    assert message in out
    assert "Traceback" not in out
    assert not (tmp_path / "outputs").exists()
