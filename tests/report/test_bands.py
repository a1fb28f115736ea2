"""Curves of seeds as bands, over iterations and over seconds."""

import base64
import io
import json
import re

import numpy as np
import pytest
from rich.console import Console

from steadygan.report.build import report
from steadygan.report.collect import collect
from steadygan.report.plots.bands import band
from steadygan.report.plots.drawing import at_edge, failure_edge
from steadygan.runs import files


def slow_and_fast(root, make_run):
    """Two seeds with the same scores at 100, 200 and 300 iterations, one at three times the speed."""
    for seed, rate in ((0, 0.01), (1, 0.03)):
        made = make_run(
            root, f"r{seed}", method="r1", seed=seed, finals={"modes": 6.0}, curves={"metric/modes": [0, 3, 6]}
        )
        rows = [{**row, "seconds": float(row["iteration"]) * rate} for row in files.read_rows(made / files.METRICS)]
        files.write_rows(made / files.METRICS, list(rows[0]), rows)


def test_a_band_over_seconds_by_hand(tmp_path, make_run):
    slow_and_fast(tmp_path, make_run)
    runs = collect([tmp_path]).runs
    over_iterations = band(runs, "metric/modes", 100)
    np.testing.assert_allclose(over_iterations.x, [100, 200, 300])
    np.testing.assert_allclose(over_iterations.low, over_iterations.high)
    over_seconds = band(runs, "metric/modes", 100, "seconds")
    np.testing.assert_allclose(over_seconds.x, [1, 2, 3, 6, 9])
    np.testing.assert_allclose(over_seconds.median, [0, 3, 3, 3, 6])  # at 3 s: 6 and 0, the faster one at its start
    np.testing.assert_allclose(over_seconds.low, [0, 3, 0, 3, 6])


def test_the_report_draws_the_metric_over_seconds_and_a_rules_signals(tmp_path, make_run):
    slow_and_fast(tmp_path, make_run)
    make_run(tmp_path, "noisy", method="sgld_cc", seed=0, finals={"modes": 1.0},
             curves={"metric/modes": [1.0], "rule/discriminator/noise_level": [0.5]})  # fmt: skip
    page = report([tmp_path]).read_text()
    drawn = {path.name for path in (tmp_path / "report" / "plots").iterdir()}
    assert {"metric_modes_seconds.png", "rule_discriminator_noise_level.png"} <= drawn
    assert "modes against seconds" in page


def one(root, make_run, seed, values, status="completed", rate=0.01):
    run = make_run(root, f"r{seed}", method="r1", seed=seed, status=status, curves={"metric/modes": values})
    rows = [{**row, "seconds": float(row["iteration"]) * rate} for row in files.read_rows(run / files.METRICS)]
    files.write_rows(run / files.METRICS, list(rows[0]), rows)


def test_a_seed_that_is_done_keeps_its_value_and_one_that_starts_late_is_waited_for(tmp_path, make_run):
    slow_and_fast(tmp_path, make_run)
    found = band(collect([tmp_path]).runs, "metric/modes", 100, "seconds", "max")
    np.testing.assert_allclose(found.x, [3, 6, 9])
    # The fast one has 0, 3, 6 at 1, 2, 3 s (seed 0) and keeps 6; the slow one has 0, 3, 6 at 3, 6, 9 s.
    np.testing.assert_allclose(found.low, [0, 3, 6])
    np.testing.assert_allclose(found.high, [6, 6, 6])
    np.testing.assert_allclose(found.median, [3, 4.5, 6])


@pytest.mark.parametrize("against", ["iteration", "seconds"])
def test_a_lost_seed_is_worst_from_its_end_on(tmp_path, make_run, against):
    one(tmp_path, make_run, 0, [1.0, 5.0, 8.0])
    one(tmp_path, make_run, 1, [2.0, 6.0], status="diverged")
    one(tmp_path, make_run, 2, [3.0, 4.0, 7.0])
    found = band(collect([tmp_path]).runs, "metric/modes", 100, against, "max")
    scale = 1 if against == "iteration" else 0.01
    np.testing.assert_allclose(found.x, np.array([100, 200, 200, 300]) * scale)
    np.testing.assert_allclose(found.median, [2, 5, 4, 7], atol=1e-6)  # at 200 of 4, 5, 6; then of 4, 5, lost
    np.testing.assert_allclose(found.low, [1, 4, -np.inf, -np.inf])
    np.testing.assert_allclose(found.high, [3, 6, 5, 8], atol=1e-6)


def test_a_seed_that_failed_at_once_is_worst_all_along(tmp_path, make_run):
    one(tmp_path, make_run, 0, [1.0, 5.0])
    make_run(tmp_path, "x", method="r1", seed=1, status="failed")
    found = band(collect([tmp_path]).runs, "metric/modes", 100, "iteration", "max")
    assert found.seeds == 2
    np.testing.assert_array_equal(found.median, [-np.inf, -np.inf])
    np.testing.assert_array_equal(found.high, [1, 5])


def test_runs_that_still_train_are_shown_where_none_has_ended(tmp_path, make_run):
    one(tmp_path, make_run, 0, [1.0, 5.0], status="running")
    one(tmp_path, make_run, 1, [3.0], status="running")
    np.testing.assert_array_equal(band(collect([tmp_path]).runs, "metric/modes", 9, direction="max").median, [2, 5])
    one(tmp_path, make_run, 2, [4.0, 4.0])
    np.testing.assert_array_equal(band(collect([tmp_path]).runs, "metric/modes", 9, direction="max").median, [4, 4])


def test_lost_values_are_drawn_beyond_the_worst():
    values = np.array([2.0, 12.0, -np.inf])
    assert failure_edge(values, "max") == 1
    assert failure_edge(-values, "min") == -1
    assert failure_edge(values[:2], "max") is None
    np.testing.assert_array_equal(at_edge(values, 1.0), [2, 12, 1])


def figures(index, section):
    page = index.read_text()
    start = page.index(f'<section id="{section}"')
    inside = page[start : page.index("</section>", start)]
    return [json.loads(text) for text in re.findall(r'application/json">(.*?)</script>', inside)]


def values_of(trace, axis):
    held = trace[axis]
    return np.frombuffer(base64.b64decode(held["bdata"]), held["dtype"]) if isinstance(held, dict) else np.array(held)


def test_the_page_draws_what_is_lost(tmp_path, make_run):
    """Of gamma = 2 both seeds diverge: below the worst median of gamma = 1 in curves, swept numbers and finals."""
    for gamma, status in ((1, "completed"), (2, "diverged")):
        for seed in range(2):
            make_run(tmp_path, f"{gamma}-{seed}", method="r1", seed=seed, status=status, finals={"modes": 8.0 - seed},
                     config={"gamma": gamma}, curves={"metric/modes": [2.0, 6.0 + seed]})  # fmt: skip
    index = report([tmp_path], console=Console(file=io.StringIO()))
    curves = figures(index, "curves")[0]
    (line,) = (trace for trace in curves["data"] if trace["meta"] == "r1 gamma=2" and trace.get("hoverinfo") != "skip")
    np.testing.assert_allclose(values_of(line, "y"), [2, 6.5, 1.5])  # a tenth of 7 - 2 below 2
    assert "failed" in curves["layout"]["annotations"][0]["text"]
    swept = figures(index, "swept")[0]
    assert swept["data"][0]["marker"]["symbol"].count("x") == 2
    np.testing.assert_allclose(values_of(swept["data"][1], "y"), [7.5, 6.9])
    best, area = figures(index, "ends")
    assert sum(list(np.ravel(trace["marker"]["symbol"])).count("x") for trace in best["data"]) == 1
    assert sum(list(np.ravel(trace["marker"]["symbol"])).count("x") for trace in area["data"]) == 2


def test_the_worst_method_is_among_those_that_are_shown(tmp_path, make_run):
    for gamma in range(40):
        make_run(tmp_path, f"g{gamma}", method="r1", seed=0, finals={"modes": gamma}, config={"gamma": gamma},
                 curves={"metric/modes": [1.0, gamma]})  # fmt: skip
    page = report([tmp_path], console=Console(file=io.StringIO())).read_text()
    shown = re.findall(r'aria-pressed="true" data-method="r1 gamma=(\d+)"', page)
    assert {"0", "39"} <= set(shown)
    assert len(shown) == 16
    assert "16 of 40 methods are shown at first" in page


def test_ten_methods_are_all_shown(tmp_path, make_run):
    for gamma in range(10):
        make_run(tmp_path, f"g{gamma}", method="r1", seed=0, finals={"modes": gamma}, config={"gamma": gamma},
                 curves={"metric/modes": [1.0, gamma]})  # fmt: skip
    page = report([tmp_path], console=Console(file=io.StringIO())).read_text()
    assert 'aria-pressed="false"' not in page
