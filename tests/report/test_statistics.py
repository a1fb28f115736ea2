"""Rankings and comparisons against counts by hand."""

import numpy as np
import pytest

from steadygan.report.collect import collect
from steadygan.report.groups import group_runs
from steadygan.report.statistics import compare, direction_of, metric_names, rank, tie_breaks


def ranked(path, metric="fid", direction="min"):
    return rank(group_runs(collect([path]).runs), metric, direction)


def fill(make_run, root, method, values, metric="fid", **options):
    for seed, value in enumerate(values):
        make_run(root, f"{method}-{seed}", method=method, seed=seed, finals={metric: value}, **options)


def test_ranking_medians_ranges_and_lost_seeds(tmp_path, make_run):
    fill(make_run, tmp_path, "calm", [4.0, 6.0, 5.0], best={"fid": 3.0}, area={"fid": 8.0})
    fill(make_run, tmp_path, "wild", [1.0])
    make_run(tmp_path, "w1", method="wild", seed=1, status="diverged", finals={"fid": 2.0}, best={"fid": 0.5})
    make_run(tmp_path, "w2", method="wild", seed=2, status="failed")
    make_run(tmp_path, "w3", method="wild", seed=3, status="running", finals={"fid": 0.1})
    calm, wild = ranked(tmp_path)
    assert (calm.rank, calm.group.name, calm.median, calm.low, calm.high) == (1, "calm", 5.0, 4.0, 6.0)
    assert (calm.best, calm.area, calm.counted, calm.seconds, calm.speed) == (3.0, 8.0, 3, 20.0, 50.0)
    assert (calm.gap, wild.gap) == (2.0, np.inf)
    assert (wild.rank, wild.median, wild.low, wild.high, wild.best, wild.area) == (2, np.inf, 1.0, np.inf, 1.0, np.inf)
    assert (wild.counted, wild.diverged, wild.crashed, wild.unfinished) == (3, 1, 1, 1)


def test_lost_seeds_are_worst_for_metrics_where_large_is_good(tmp_path, make_run):
    fill(make_run, tmp_path, "a", [8.0], metric="modes")
    make_run(tmp_path, "lost", method="a", seed=1, status="diverged", finals={"modes": 8.0})
    (row,) = ranked(tmp_path, "modes", "max")
    assert (row.low, row.high, row.median) == (-np.inf, 8.0, -np.inf)


def test_ties_in_modes_are_broken_by_quality_then_distance(tmp_path, make_run):
    for name, quality, distance in (("a", 0.5, 0.1), ("b", 0.9, 0.3), ("c", 0.9, 0.2), ("d", 0.9, 0.2)):
        finals = {"modes": 8.0, "high_quality": quality, "wasserstein": distance}
        make_run(tmp_path, name, method=name, seed=0, finals=finals)
    rows = ranked(tmp_path, "modes", "max")
    assert [(row.group.name, row.rank) for row in rows] == [("c", 1), ("d", 1), ("b", 3), ("a", 4)]
    assert tie_breaks(rows) == ["high_quality", "wasserstein"]
    assert rows[2].breaks == {"high_quality": 0.9, "wasserstein": 0.3}
    assert tie_breaks(rows[2:]) == ["high_quality"]
    assert tie_breaks(rows[:1]) == []


def test_main_metric_and_direction(tmp_path, make_run):
    make_run(tmp_path, "a", method="a", seed=0, finals={"kl": 1.0, "modes": 2.0})
    runs = collect([tmp_path]).runs
    assert metric_names(runs) == ["modes", "kl"]
    assert (direction_of("modes", runs), direction_of("kl", runs)) == ("max", "min")
    make_run(tmp_path, "b", method="a", seed=1, finals={"fid": 1.0})
    assert metric_names(collect([tmp_path]).runs)[0] == "fid"


def test_comparisons_pair_common_seeds_and_take_in_the_baseline(tmp_path, make_run):
    fill(make_run, tmp_path, "best", [1.0, 2, 3, 4, 5, 6, 7, 8])
    fill(make_run, tmp_path, "nonsaturating", [3.0, 5, 7, 9, 11, 13, 15, 17])
    fill(make_run, tmp_path, "other", [1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5])
    rows = ranked(tmp_path)
    found = {(item.first, item.second): item for item in compare(rows, "fid", "min").shown}
    assert set(found) == {("best", "nonsaturating"), ("best", "other"), ("other", "nonsaturating")}
    main = found["best", "nonsaturating"]
    # Differences -2, -3, ..., -9: median -5.5, all of one sign, p = 2/256; of three pairs some one agrees in all seeds
    # with three times that at most.
    assert (main.pairs, main.difference, main.better) == (8, -5.5, "best")
    assert main.p == pytest.approx(2 / 256)
    assert 2 / 256 <= main.p_family <= 6 / 256
    assert found["best", "other"].pairs == 7
    assert found["best", "other"].p == pytest.approx(2 / 128)


def test_a_lost_seed_is_the_largest_difference_not_the_only_one(tmp_path, make_run):
    fill(make_run, tmp_path, "a", [1.0, 1, 1, 1, 1, 1])
    fill(make_run, tmp_path, "b", [2.0, 3, 4, 5, 6])
    make_run(tmp_path, "b5", method="b", seed=5, status="diverged")
    (item,) = compare(ranked(tmp_path), "fid", "min").shown
    assert (item.failed, item.low, item.high, item.interval, item.better) == (1, -np.inf, -1.0, "range", "a")
    assert item.p == pytest.approx(2 / 64)


def test_the_baseline_is_the_sweeps_own(tmp_path, make_run):
    for name, first in (("a", 1.0), ("b", 3.0), ("c", 5.0)):
        fill(make_run, tmp_path, name, [first, first + 1])
    pairs = [(item.first, item.second) for item in compare(ranked(tmp_path), "fid", "min", baseline="b").shown]
    assert pairs == [("a", "b"), ("a", "c"), ("c", "b")]
