"""What a run's files say of its stability."""

import math
import re

import numpy as np
import pytest
import torch

import steadygan
from steadygan.analysis.oscillation import TRAIL
from steadygan.common.errors import UserError
from steadygan.config.building import build_metrics
from steadygan.runs import files
from steadygan.runs.summary import metric_summary, reached, spectrum
from steadygan.runs.threshold import parse
from tiny import MODES

RUN = ["batch_size=16", "log_every=1", *MODES]


@pytest.fixture
def run(finished):
    return lambda *overrides: finished(*overrides).directory


def test_cosines_and_weight_norms_from_the_weights(run):
    """Under plain gradient descent the weights tell the gradients."""
    rule = [f"optimizer@optimizer.{player}=sgd" for player in ("generator", "discriminator")]
    lr = [f"optimizer.{player}.lr=0.1" for player in ("generator", "discriminator")]
    weights = {}
    for iterations in (1, 2, 3):
        directory = run(*rule, *lr, f"iterations={iterations}", "trainer.precision=64")
        state = torch.load(directory / files.CHECKPOINT, weights_only=True)["state_dict"]
        for player in ("generator", "discriminator"):
            own = [value.reshape(-1) for name, value in state.items() if name.startswith(f"{player}.")]
            weights[player, iterations] = torch.cat(own)
    rows = files.read_rows(directory / files.METRICS)
    assert len(rows) == 3
    for player in ("generator", "discriminator"):
        first, second, third = (weights[player, place] for place in (1, 2, 3))
        turned = torch.cosine_similarity(second - first, third - second, dim=0)
        assert float(rows[2][f"grad_cosine/{player}"]) == pytest.approx(float(turned), rel=1e-6)
        assert float(rows[0][f"grad_cosine/{player}"]) == 0
        assert float(rows[2][f"weight_norm/{player}"]) == pytest.approx(float(third.norm()), rel=1e-9)
    gap = float(rows[1]["logits/real"]) - float(rows[1]["logits/fake"])
    assert float(rows[1]["logits/gap"]) == pytest.approx(gap, rel=1e-6, abs=1e-12)


def rows(values, spacing=10):
    return [
        {"iteration": str(spacing * (place + 1)), "loss/discriminator": repr(float(value)), "loss/generator": "1.0"}
        for place, value in enumerate(values)
    ]


def test_a_cycle_is_found_in_the_loss():
    place = np.arange(128)
    noise = np.random.default_rng(0).standard_normal(128)
    cycle = spectrum(rows(0.05 * place + np.sin(2 * math.pi * place / 8) + 0.1 * noise))
    assert cycle["discriminator"]["period"] == pytest.approx(80)
    assert cycle["discriminator"]["share"] > 0.9
    assert cycle["generator"] is None  # constant
    assert spectrum(rows(noise))["discriminator"]["share"] < 0.4
    assert spectrum(rows(noise[:10]))["discriminator"] is None


def test_the_gap_is_how_far_from_its_best_a_run_ends():
    table = [{"metric/fid": str(fid), "metric/is": str(score)} for fid, score in ((9, 2), (3, 5), (4, 4))]
    found = metric_summary(table, {"fid": "min", "is": "max"})
    assert (found["fid"]["gap"], found["is"]["gap"]) == (1, -1)
    assert (found["fid"]["best"], found["is"]["best"]) == (3, 5)


@pytest.mark.parametrize("order", [("nan", "4", "5"), ("4", "nan", "5"), ("5", "4", "nan")])
def test_the_best_is_that_of_scores_that_there_are(order):
    found = metric_summary([{"metric/fid": text} for text in order], {"fid": "min"})["fid"]
    assert found["best"] == 4
    assert math.isnan(found["area"])
    assert math.isnan(found["final"]) == (order[-1] == "nan")
    assert math.isnan(metric_summary([{"metric/fid": "nan"}], {"fid": "min"})["fid"]["best"])


def test_the_trailing_window_of_a_row_is_that_of_the_rows_behind_it(run):
    directory = run("iterations=130", "log_every=2", "evaluate_every=7")
    reported = [row for row in files.read_rows(directory / files.METRICS) if int(row["iteration"]) % 2 == 0]
    between = [row for row in files.read_rows(directory / files.METRICS) if int(row["iteration"]) % 2]
    assert between
    assert all(row["oscillation/generator"] == row["period/generator"] == "" for row in between)
    assert reported[1]["oscillation/generator"] == ""
    assert reported[6]["period/generator"] == "" != reported[7]["period/generator"]
    for last in (2, 7, 30, 64):
        window = reported[max(0, last + 1 - TRAIL) : last + 1]
        for player in ("generator", "discriminator"):
            x = [int(row["iteration"]) for row in window]
            y = [float(row[f"loss/{player}"]) for row in window]
            moves = y - np.polynomial.Polynomial.fit(x, y, 1)(np.array(x))
            assert float(reported[last][f"oscillation/{player}"]) == pytest.approx(np.std(moves), rel=1e-6)


def test_a_resumed_run_has_the_windows_of_one_that_was_not_stopped(run, tmp_path):
    given = ["log_every=3", "evaluate_every=50"]
    whole = files.read_rows(run("iterations=60", *given, "name=whole") / files.METRICS)
    run("iterations=40", *given, "name=parts")
    components = files.read_rows(run("iterations=60", *given, "name=parts") / files.METRICS)
    strip = [{k: v for k, v in row.items() if k != "seconds"} for row in whole if int(row["iteration"]) != 50]
    assert [
        {k: v for k, v in row.items() if k != "seconds"} for row in components if int(row["iteration"]) != 50
    ] == strip


def test_the_generator_that_is_trained_is_scored_beside_its_average(run):
    directory = run("iterations=6", "evaluate_every=2", "metrics.raw=true", "ema.decay=0", "keep_best=raw_kl")
    (*_, row) = files.read_rows(directory / files.METRICS)
    for name in ("modes", "kl", "wasserstein", "high_quality"):
        assert row[f"metric/raw_{name}"] == row[f"metric/{name}"], "an average over nothing is the weights"
    averaged = run("iterations=6", "evaluate_every=2", "metrics.raw=true")
    summary = files.read_summary(averaged)
    trained, own = summary["metrics"]["raw_wasserstein"], summary["metrics"]["wasserstein"]
    assert trained["direction"] == "min"
    assert trained["final"] != own["final"]
    gan = steadygan.load(averaged)
    metrics = build_metrics(gan.config, gan.dataset, gan.labelling)
    assert gan.evaluate(metrics, ema=False)["wasserstein"] == trained["final"]
    assert gan.evaluate(metrics)["wasserstein"] == own["final"]


def test_when_thresholds_were_first_met():
    table = [
        {"iteration": str(i), "images": str(10 * i), "seconds": str(i / 4), "metric/kl": kl, "metric/modes": modes}
        for i, kl, modes in [(1, "", ""), (2, "0.9", "3.0"), (3, "0.2", "8.0"), (4, "0.5", "2.0"), (5, "0.1", "8.0")]
    ]
    found = reached(
        table, parse({"kl": 0.5, "modes": "90 %"}), {"kl": "min", "modes": "max", "other": "max"}, {"modes": 8}
    )
    assert found["kl"] == {"bound": "kl ≤ 0.5", "iteration": 3, "images": 30, "seconds": 0.75}
    assert found["modes"] == {"bound": "modes ≥ 90 %", "iteration": 3, "images": 30, "seconds": 0.75}
    assert reached(table, parse({"kl": 0.05}), {"kl": "min"}, {}) == {"kl": None}


def test_a_threshold_is_met_by_a_score_that_equals_it():
    table = [{"iteration": "1", "images": "10", "seconds": "0.5", "metric/kl": "0.25", "metric/modes": "6.0"}]
    ways, most = {"kl": "min", "modes": "max"}, {"modes": 8}
    met = [{"kl": 0.25}, {"modes": 6}, {"modes": "75 %"}]
    missed = [{"kl": 0.24}, {"modes": 6.01}, {"modes": "76 %"}]
    assert [[found["iteration"] for found in reached(table, parse(each), ways, most).values()] for each in met] == [
        [1]
    ] * 3
    assert [list(reached(table, parse(each), ways, most).values()) for each in missed] == [[None]] * 3


def test_thresholds_are_in_the_summary_and_not_in_the_signature(run):
    plain = run("iterations=4", "evaluate_every=2")
    asked = run("iterations=4", "evaluate_every=2", "thresholds={wasserstein: 1e9, modes: 101}", "name=again")
    assert plain.name.rpartition("-")[2] == asked.name.rpartition("-")[2]
    assert files.read_summary(plain)["reached"] == {}
    reported = files.read_summary(asked)["reached"]
    assert (reported["wasserstein"]["iteration"], reported["modes"]) == (2, None)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("thresholds={fid: 3}", "thresholds=fid: the runs do not measure this metric"),
        ("thresholds={kl: 50 %}", "thresholds.kl=50 %: less is better"),
        ("thresholds={kl: low}", "thresholds.kl=low: must be a number"),
        ("metrics.raw=maybe", "metrics.raw=maybe: must be true or false"),
        ("metrics.batch=0", "metrics.batch=0: must be a whole number of at least 1"),
    ],
)
def test_settings_of_scores_that_cannot_be(run, given, words):
    with pytest.raises(UserError, match=re.escape(words)):
        run("iterations=4", given)
