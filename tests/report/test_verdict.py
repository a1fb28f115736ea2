"""What may be said, and what may not."""

import pytest

from steadygan.report.collect import collect
from steadygan.report.groups import group_runs
from steadygan.report.statistics import compare, rank
from steadygan.report.verdict import TOO_FEW, notes, number_text, obstacle, verdict


def say(path, metric="fid", direction="min"):
    groups = group_runs(collect([path]).runs)
    rows = rank(groups, metric, direction)
    reason = obstacle(groups, metric)
    return verdict(rows, compare(rows, metric, direction) if not reason else [], metric, direction, reason)


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
    assert second == "a is better than b (paired sign-flip test, Holm-corrected p ≤ 0.05)."


def test_two_comparisons_ask_for_more_than_six_seeds(tmp_path, make_run):
    for name, shift in (("a", 0), ("b", 100), ("c", 200)):
        fill(make_run, tmp_path, name, [shift + step for step in (1.0, 2, 3, 4, 5, 6)])
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
    assert "a (1 diverged, 1 failed of 5). Each counts as the worst possible outcome (∞)" in text
    assert "1 run is unfinished" in text


def test_one_method_and_no_run(tmp_path, make_run):
    fill(make_run, tmp_path, "a", [4.0])
    assert say(tmp_path) == ["One method, nothing to compare: a has a median fid of 4 (1 seed)."]
    assert verdict([], [], None, "min") == ["No verdict: there is no run yet."]


@pytest.mark.parametrize("what", ["dataset", "passport"])
def test_what_is_not_comparable_gets_no_verdict(tmp_path, make_run, what):
    for name, mark in (("a", 1), ("b", 2)):
        options = {"config": {"dataset": {"modes": mark}}} if what == "dataset" else {"passports": {"fid": {"n": mark}}}
        fill(make_run, tmp_path, name, [mark + step for step in range(8)], **options)
    first = say(tmp_path)[0]
    assert first.startswith("No verdict: ")
    assert {"dataset": "different data sets", "passport": "2 different ways"}[what] in first


def test_lengths_are_noted(tmp_path, make_run):
    make_run(tmp_path, "a", method="a", seed=0, iteration=10)
    make_run(tmp_path, "b", method="a", seed=1, iteration=20)
    (note,) = notes(group_runs(collect([tmp_path]).runs))
    assert "(10, 20)" in note


def test_numbers():
    assert [number_text(x) for x in (1234.56, -0.5, float("inf"), float("-inf"), float("nan"))] == [
        "1235", "−0.5", "∞", "−∞", "–",
    ]  # fmt: skip
