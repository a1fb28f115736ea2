"""Curves of seeds as bands, over iterations and over seconds."""

import numpy as np

from steadygan import files
from steadygan.report.bands import band
from steadygan.report.build import report
from steadygan.report.collect import collect


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
