"""TPE: batches of trials, each proposed from the scores of those before it."""

import json
import math

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from steadygan.sweeps.search.tpe import Search, propose
from tiny import MODES, tiny

SPACE = {
    "rate": FloatDistribution(1e-4, 1.0, log=True),
    "size": IntDistribution(1, 9),
    "beta": CategoricalDistribution(("0", "0.5", "${rate}")),
}


def distance(setting):
    """Return the score of a setting; it is 0 at a rate of 0.01 and ``beta=0.5``."""
    return abs(math.log10(float(setting["rate"])) + 2) + (setting["beta"] != "0.5")


def searched(trials, batch, seed=0, score=distance):
    search = Search(SPACE, seed)
    for done in range(0, trials, batch):
        search.propose(min(batch, trials - done))
        search.scores = [score(each) for each in search.trials]
    return search


def test_the_same_scores_give_the_same_proposals():
    assert searched(24, 8).trials == searched(24, 8).trials
    assert searched(24, 8).trials != searched(24, 8, seed=1).trials
    assert searched(12, 8).trials == searched(24, 8).trials[:12]


def test_it_comes_near_the_best_setting_more_often_than_chance_does():
    for seed in range(3):
        search = searched(64, 8, seed)
        assert sum(search.scores[48:]) < 0.6 * sum(search.scores[:16])
        assert min(search.scores) < 0.1


def test_it_turns_away_from_runs_that_failed():
    search = searched(64, 8, score=lambda setting: math.inf if float(setting["rate"]) > 1e-2 else 1.0)
    assert sum(map(math.isfinite, search.scores[48:])) >= 14


def test_no_two_batches_begin_alike_and_one_at_once_holds_no_setting_twice():
    trials = [str(each) for each in searched(24, 8).trials]
    assert len(set(trials)) == 24


def test_proposals_are_within_their_ranges_with_four_digits():
    for each in propose(SPACE, [], 20, 0):
        assert 1e-4 <= float(each["rate"]) <= 1.0
        assert float(f"{float(each['rate']):.4g}") == float(each["rate"])
        assert int(each["size"]) in range(1, 10)
        assert each["beta"] in SPACE["beta"].choices


TPE = (
    *tiny(*MODES, "iterations=1", "network.width=4"),
    "hydra/sweeper=search",
    "hydra.sweeper.sampler=tpe",
    "hydra.sweeper.batch=2",
    "hydra.sweeper.trials=4",
    "optimizer.generator.lr=tag(log,interval(1e-4,1e-1))",
    "seed=0,1",
)


@pytest.fixture
def launch(steadygan, elsewhere):
    """``launch(*arguments)``: exit code and output of a search."""

    def call(*arguments):
        code, out, error = steadygan("train", "-m", *TPE, *arguments)
        return code, out + error

    return call


def rates(root):
    jobs = json.loads((root / "jobs.json").read_text()).values()
    texts = [text for job in jobs for text in job["overrides"]]
    return list(dict.fromkeys(text for text in texts if text.startswith("optimizer.generator.lr=")))


@pytest.mark.slow
def test_a_search_that_was_killed_after_a_batch_goes_on_as_if_it_had_not_been(launch, tmp_path):
    metric = "hydra.sweeper.metric=wasserstein"
    code, out = launch(metric, "hydra.sweeper.trials=2")
    assert code == 0, out
    first = rates(tmp_path / "outputs" / "runs")
    code, out = launch(metric)
    assert code == 0, out
    assert "8 jobs: 4 to run" in out
    after = rates(tmp_path / "outputs" / "runs")
    code, out = launch(metric, "name=whole")
    assert code == 0, out
    assert rates(tmp_path / "outputs" / "whole") == after
    assert after[:2] == first
    assert len(after) == 4


def test_a_dry_run_says_what_cannot_be_known_yet(launch, tmp_path):
    code, out = launch("hydra.sweeper.metric=wasserstein", "--dry-run")
    assert code == 0, out
    assert "4 jobs: 4 to run" in out
    assert "the next trials depend on the wasserstein of these" in out
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "hydra.sweeper.metric=None: hydra.sweeper.sampler=tpe goes by a metric"),
        (["hydra.sweeper.metric=fid"], "hydra.sweeper.metric=fid"),
        (["hydra.sweeper.metric=wasserstein", "hydra.sweeper.batch=0"], "hydra.sweeper.batch=0"),
        (["hydra.sweeper.metric=wasserstein", "hydra.sweeper.sampler_seed=x"], "hydra.sweeper.sampler_seed=x"),
        (["hydra.sweeper.metric=wasserstein", "hydra.sweeper.every=seed"], "hydra.sweeper.every=seed"),
        (["hydra.sweeper.metric=wasserstein", "hydra.sweeper.method_spaces=2"], "hydra.sweeper.method_spaces=2"),
        (["hydra.sweeper.metric=wasserstein", "name=interval(0,1)"], "name=interval(0,1)"),
        (["hydra.sweeper.metric=wasserstein", "loss=interval(0,1)"], "loss=interval(0,1)"),
        (["hydra.sweeper.sampler=random", "hydra.sweeper.metric=fid"], "hydra.sweeper.metric=fid"),
        (["hydra.sweeper.sampler=sobol", "hydra.sweeper.trials=1000001"], "1,000,000 is the most"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(launch, tmp_path, arguments, message):
    code, out = launch(*arguments)
    assert code == 2, out
    assert message in out
    assert "Traceback" not in out
    assert not (tmp_path / "outputs").exists()
