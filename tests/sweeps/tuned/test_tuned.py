"""The whole of a tuned comparison, on a metric that is a formula of a setting, so that the best one is known."""

import csv
import json

import pytest

from tiny import tiny

STAGES = (
    "hydra/sweeper=tuned",
    "hydra.sweeper.metric=formula",
    "hydra.sweeper.trials=4",
    "hydra.sweeper.stages.search.seed='0'",
    "hydra.sweeper.stages.selection.best=2",
    "hydra.sweeper.stages.selection.seed='100'",
    "hydra.sweeper.stages.final.seed='1000,1001'",
    "hydra.sweeper.stages.published.seed='1000'",
)
RUN = (
    *tiny("iterations=2", "evaluate_every=1", "log_every=1", "name=tuned", "method=lsgan_alpha"),
    "loss.alpha.end=interval(0,0.9)",
    "+metrics.formula={_target_: formula.Formula, _partial_: true, setting: '${loss.alpha.end}'}",
)
FORMULA = "+metrics.formula={_target_:formula.Formula,_partial_:true,setting:'${loss.alpha.end}',limit:0.7}"


@pytest.fixture
def tuned(steadygan, elsewhere, monkeypatch):
    """``tuned(*arguments)``: exit code and output of a comparison of one method."""
    import formula

    monkeypatch.setenv("PYTHONPATH", str(formula.__file__).rpartition("/")[0])

    def call(*arguments):
        code, out, error = steadygan("train", "-m", *RUN[:-1], FORMULA, *STAGES, *arguments)
        return code, out + error

    return call


def alpha(overrides):
    return next(float(text.partition("=")[2]) for text in overrides if text.startswith("loss.alpha.end="))


@pytest.mark.slow
def test_the_search_finds_the_best_setting_and_the_final_runs_have_its_numbers(tuned, steadygan, tmp_path):
    code, out = tuned()
    assert code == 0, out
    root = tmp_path / "outputs" / "tuned"
    about = json.loads((root / "tuned.json").read_text())
    method = about["datasets"]["ring"]["methods"]["lsgan_alpha"]
    tried = [alpha([line.strip("- \n")]) for path in (root / "search").glob("*/overrides.yaml")
             for line in path.read_text().splitlines() if "loss.alpha.end=" in line]  # fmt: skip
    assert len(set(tried)) == 4
    best = min((value for value in tried if value <= 0.7), key=lambda value: abs(value - 0.3))
    assert alpha(method["tuned"]) == best
    assert alpha(method["candidates"][0]["overrides"]) == best
    assert len(method["candidates"]) == 2
    assert len(list((root / "published").glob("*/summary.json"))) == 1

    finals = [json.loads(path.read_text()) for path in (root / "final").glob("*/summary.json")]
    assert {each["seed"] for each in finals} == {1000, 1001}
    assert [each["iteration"] for each in finals] == [4, 4], "twice as long"
    code, out, _ = steadygan("report", str(root), "--write-tuned", str(tmp_path / "conf"))
    assert code == 0
    with (root / "report" / "methods.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["median"]) == pytest.approx(abs(best - 0.3))
    assert row["runs"] == "2"
    written = (tmp_path / "conf" / "tuned" / "ring" / "lsgan_alpha.yaml").read_text()
    assert f"end: {best}" in written

    before = (root / "tuned.json").read_text()
    code, out = tuned()
    assert code == 0
    assert "to run" not in out, "nothing runs twice"
    assert (root / "tuned.json").read_text() == before

    code, out = tuned("hydra.sweeper.trials=5", "--dry-run")
    assert "5 jobs: 1 to run, 4 skipped" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["hydra.sweeper.metric=null"], "hydra.sweeper.metric="),
        (["seed=3"], "each stage has seeds of its own"),
        (["hydra.sweeper.stages.final.seed='0'"], "hydra.sweeper.stages.final.seed=0"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_runs(tuned, tmp_path, arguments, message):
    code, out = tuned(*arguments)
    assert code == 2, out
    assert message in out
    assert not (tmp_path / "outputs").exists()
