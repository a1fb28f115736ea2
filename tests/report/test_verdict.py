"""What may be said, and what may not."""

import pytest
from hydra.utils import get_class
from omegaconf import OmegaConf

from steadygan.common.paths import conf_dir
from steadygan.report.collect import collect
from steadygan.report.groups import group_runs
from steadygan.report.statistics import Comparisons, compare, rank
from steadygan.report.verdict import TOO_FEW, notes, number_text, obstacle, verdict


def metrics_that_should_be_large():
    """Of all options of the group: by what their classes say."""
    for path in (conf_dir() / "metrics").glob("*.yaml"):
        for node in OmegaConf.load(path).values():
            directions = getattr(get_class(node["_target_"]), "directions", {})
            yield from (name for name, direction in directions.items() if direction == "max")


def say(path, metric="fid", direction="min", **options):
    groups = group_runs(collect([path]).runs)
    rows = rank(groups, metric, direction)
    reason = obstacle(groups, metric)
    return verdict(
        rows, compare(rows, metric, direction) if not reason else Comparisons(), metric, direction, reason, **options
    )


def fill(make_run, root, method, values, **options):
    for seed, value in enumerate(values):
        make_run(root, f"{method}-{seed}", method=method, seed=seed, finals={"fid": value}, **options)


def test_five_seeds_are_too_few_however_clear(tmp_path, make_run):
    fill(make_run, tmp_path, "a", [1.0, 2, 3, 4, 5])
    fill(make_run, tmp_path, "b", [101.0, 102, 104, 105, 107])
    text = " ".join(say(tmp_path))
    assert TOO_FEW in text
    assert "0.0625" in text
    assert "6 seeds are needed" in text
    assert "better than" not in text


def test_six_clear_seeds_are_enough_for_one_comparison(tmp_path, make_run):
    fill(make_run, tmp_path, "a", [1.0, 2, 3, 4, 5, 6])
    fill(make_run, tmp_path, "b", [101.0, 102, 104, 105, 107, 110])
    first, second = say(tmp_path)
    assert first == "a has the best median fid (3.5, 6 seeds)."
    assert second == "a is better than b (paired by seed, p ≤ 0.05 over all pairs)."


def test_three_methods_ask_for_more_than_six_seeds(tmp_path, make_run):
    for name, factor in (("a", 1), ("b", 10), ("c", 300)):
        fill(make_run, tmp_path, name, [factor * step for step in (1.0, 2, 3, 4, 5, 6)])
    text = " ".join(say(tmp_path))
    assert TOO_FEW in text
    assert "7 seeds are needed" in text


def test_no_difference_and_the_baseline(tmp_path, make_run):
    fill(make_run, tmp_path, "a", [1.0, 2, 3, 4, 5, 6, 7, 8])
    fill(make_run, tmp_path, "b", [1.1, 1.9, 3.2, 3.9, 5.2, 5.9, 7.2, 8.3])
    fill(make_run, tmp_path, "nonsaturating", [51.0, 62, 73, 84, 95, 106, 117, 128])
    text = " ".join(say(tmp_path))
    assert "a is better than nonsaturating" in text
    assert "No difference is shown between a and b." in text
    assert "Against the baseline nonsaturating: b is better" in text


def test_lost_and_unfinished_seeds_are_named(tmp_path, make_run):
    fill(make_run, tmp_path, "a", [1.0, 2])
    make_run(tmp_path, "x", method="a", seed=2, status="diverged")
    make_run(tmp_path, "y", method="a", seed=3, status="failed")
    make_run(tmp_path, "z", method="a", seed=4, status="running")
    text = " ".join(say(tmp_path))
    assert "a (1 diverged, 1 crashed of 5). Each counts as the worst possible outcome (∞)" in text
    assert "1 run is unfinished" in text


def test_one_method_and_no_run(tmp_path, make_run):
    fill(make_run, tmp_path, "a", [4.0])
    assert say(tmp_path) == ["One method, nothing to compare: a has a median fid of 4 (1 seed)."]
    assert verdict([], Comparisons(), None, "min") == ["No verdict: there is no run yet."]


@pytest.mark.parametrize("what", ["dataset", "provenance"])
def test_what_is_not_comparable_gets_no_verdict(tmp_path, make_run, what):
    for name, mark in (("a", 1), ("b", 2)):
        options = (
            {"config": {"dataset": {"modes": mark}}} if what == "dataset" else {"provenance": {"fid": {"n": mark}}}
        )
        fill(make_run, tmp_path, name, [mark + step for step in range(8)], **options)
    first = say(tmp_path)[0]
    assert first.startswith("No verdict: ")
    assert {"dataset": "different data sets", "provenance": "2 different ways"}[what] in first


def test_lengths_are_noted(tmp_path, make_run):
    make_run(tmp_path, "a", method="a", seed=0, iteration=10)
    make_run(tmp_path, "b", method="a", seed=1, iteration=20)
    (note,) = notes(group_runs(collect([tmp_path]).runs))
    assert "(10, 20)" in note


def test_two_runs_of_one_seed_are_noted(tmp_path, make_run):
    make_run(tmp_path, "a", method="a", seed=0)
    make_run(tmp_path, "b", method="a", seed=0, config={"trainer": {"devices": 2}})
    make_run(tmp_path, "c", method="b", seed=0, config={"gamma": 1})
    (note,) = notes(group_runs(collect([tmp_path]).runs))
    assert note.startswith("Of a there are several runs of one seed")


def test_numbers():
    assert [number_text(x) for x in (1234.56, -0.5, float("inf"), float("-inf"), float("nan"))] == [
        "1235", "−0.5", "∞", "−∞", "–",
    ]  # fmt: skip


def modes(make_run, root, method, values, status="completed", **more):
    for seed, value in enumerate(values):
        make_run(root, f"{method}-{seed}-{status}", method=method, seed=seed, status=status,
                 finals={"modes": value, **{name: each[seed] for name, each in more.items()}})  # fmt: skip


def test_where_nothing_trained_nobody_is_best(tmp_path, make_run):
    modes(make_run, tmp_path, "nonsaturating", [0.0, 0, 0])
    modes(make_run, tmp_path, "r1", [0.0, 0, 0])
    assert say(tmp_path, "modes", "max") == ["No run succeeded: every run ended with modes 0, the worst there is."]
    make_run(tmp_path, "x", method="wgan", seed=0, status="diverged")
    first, second = say(tmp_path, "modes", "max")
    assert first == "No run succeeded: every run failed or ended with modes 0, the worst there is."
    assert "wgan (1 diverged of 1)" in second


@pytest.mark.parametrize("metric", sorted({*metrics_that_should_be_large()} - {"modes", "is"}))
def test_nothing_is_the_worst_of_every_metric_that_should_be_large(tmp_path, make_run, metric):
    for method in ("a", "b"):
        make_run(tmp_path, method, method=method, seed=0, finals={metric: 0.0})
    assert say(tmp_path, metric, "max") == [f"No run succeeded: every run ended with {metric} 0, the worst there is."]


def test_the_worst_is_what_the_metric_said(tmp_path, make_run):
    for method in ("a", "b"):
        said = {"inception_score": {"least": {"is": 1}}}
        make_run(tmp_path, method, method=method, seed=0, finals={"is": 1.0}, provenance=said)
    assert say(tmp_path, "is", "max") == ["No run succeeded: every run ended with is 1, the worst there is."]


def test_where_every_run_is_lost_nobody_is_best(tmp_path, make_run):
    for name in ("a", "b"):
        make_run(tmp_path, name, method=name, seed=0, status="diverged", finals={"fid": 3.0})
    assert say(tmp_path)[0] == "No run succeeded: none ended with a finite fid."


def test_a_best_median_of_nothing_names_the_best_run(tmp_path, make_run):
    modes(make_run, tmp_path, "a", [0.0, 0, 3])
    modes(make_run, tmp_path, "b", [0.0, 0, 0])
    text = say(tmp_path, "modes", "max")[0]
    assert text.startswith("No method succeeds in more than half of its seeds (no median modes is better than 0; ")
    assert "the best run is one of a with 3)" in text


def test_an_unmet_criterion_is_said_first(tmp_path, make_run):
    modes(make_run, tmp_path, "a", [5.0, 6, 6])
    modes(make_run, tmp_path, "b", [2.0, 2, 1])
    first, second, *_ = say(tmp_path, "modes", "max", unmet="modes ≥ 90 %")
    assert first == "No run succeeded: none ends with modes ≥ 90 %."
    assert second.startswith("a has the best median modes (6, 3 seeds)")


def test_all_that_tie_are_named_with_what_breaks_the_tie(tmp_path, make_run):
    modes(make_run, tmp_path, "a", [8.0, 8], high_quality=[0.9, 0.9], wasserstein=[0.5, 0.5])
    modes(make_run, tmp_path, "b", [8.0, 8], high_quality=[0.95, 0.95], wasserstein=[0.3, 0.3])
    modes(make_run, tmp_path, "c", [8.0, 8], high_quality=[0.95, 0.95], wasserstein=[0.2, 0.2])
    modes(make_run, tmp_path, "d", [5.0, 5], high_quality=[1.0, 1.0], wasserstein=[0.1, 0.1])
    text = say(tmp_path, "modes", "max")[0]
    assert text.startswith("c, b and a tie at the best median modes (8); c comes first by wasserstein (0.2)")


def test_methods_alike_in_everything_share_the_lead(tmp_path, make_run):
    for name in ("a", "b"):
        modes(make_run, tmp_path, name, [8.0, 8], high_quality=[0.9, 0.9])
    assert say(tmp_path, "modes", "max")[0].startswith("a and b share the best median modes (8)")
