"""The mode metrics against hand counts, scipy and the law of the data."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.stats import chi, chi2, entropy

from steadygan.common.errors import UserError
from steadygan.data.curves import Circle
from steadygan.data.mixtures import Grid, Mixture, Mixture1d, Ring
from steadygan.metrics.modes import Modes, high_quality_counts, mode_scores
from steadygan.metrics.wasserstein import wasserstein_distance

CENTERS = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]], dtype=torch.float64)


def measured(dataset, x, **settings):
    metric = Modes(dataset, **settings)
    metric.update(x)
    return metric.compute()


def test_counts_by_hand():
    x = torch.tensor([[0, 0], [0, 3.0], [0, 3.0001], [10, -2], [12, 2.5], [math.nan, 0], [math.inf, 0], [5, 5]])
    assert high_quality_counts(x.double(), CENTERS, 3.0).tolist() == [2, 1, 0]


def test_overlapping_modes_count_a_sample_once_at_the_nearest():
    centers = torch.tensor([[0.0], [1.0]])
    assert high_quality_counts(torch.tensor([[0.4], [0.6], [0.7]]), centers, 3.0).tolist() == [1, 2]


def test_scores_by_hand():
    # 90 samples, fair share 30, a quarter of it 7.5
    scores = mode_scores(torch.tensor([40, 8, 7]), 90, 0.25)
    assert scores["modes"] == 2
    assert scores["high_quality"] == pytest.approx(55 / 90)
    assert scores["kl"] == pytest.approx(entropy([40, 8, 7], [1, 1, 1]), rel=1e-12)


def test_exactly_the_share_covers_a_mode():
    assert mode_scores(torch.tensor([5, 4]), 40, 0.25)["modes"] == 1


def test_a_missed_mode_has_a_finite_kl_and_nothing_at_all_the_largest():
    assert mode_scores(torch.tensor([50, 0]), 50, 0.25)["kl"] == pytest.approx(math.log(2), rel=1e-12)
    assert mode_scores(torch.tensor([0, 0, 0]), 50, 0.25) == {"modes": 0, "high_quality": 0, "kl": math.log(3)}


@pytest.mark.parametrize(("dataset", "dimensions"), [(Ring(), 2), (Grid(), 2), (Mixture1d(), 1)])
def test_the_data_itself(dataset, dimensions):
    x, _ = dataset.sample(20_000, torch.Generator().manual_seed(0), torch.float64)
    scores = measured(dataset, x, samples=20_000)
    assert scores["modes"] == len(dataset.centers)
    assert scores["high_quality"] == pytest.approx(chi(dimensions).cdf(3), abs=4e-3)
    # 2 n KL of n fair draws is chi-squared with K - 1 degrees of freedom
    assert scores["kl"] < chi2(len(dataset.centers) - 1).isf(1e-6) / (2 * 20_000 * scores["high_quality"])


def test_a_collapsed_generator():
    dataset = Ring()
    scores = measured(dataset, dataset.centers[3].repeat(2500, 1))
    assert scores["modes"] == 1
    assert scores["high_quality"] == 1
    assert scores["kl"] == pytest.approx(math.log(8))
    # the mean distance of a ring's points from one of them, 8 chords of radius 2
    chords = 4 * np.sin(np.pi * np.arange(8) / 8)
    assert scores["wasserstein"] == pytest.approx(chords.mean(), rel=0.05)


def test_wasserstein_is_that_of_the_first_samples():
    metric = Modes(Ring(), samples=300, wasserstein_samples=120)
    x = torch.randn(400, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for batch in x.split(90):
        metric.update(batch)
    scores = metric.compute()
    assert scores["wasserstein"] == wasserstein_distance(x[:120], metric.reference)
    assert scores["high_quality"] == high_quality_counts(x[:300], metric.centers, 0.06).sum() / 300


def test_radius_and_share_are_settings():
    dataset, x = Mixture(CENTERS, 1.0), torch.tensor([[0.0, 2.0]]).repeat(30, 1)
    assert measured(dataset, x, samples=30)["high_quality"] == 1
    assert measured(dataset, x, samples=30, radius=1.5)["high_quality"] == 0
    assert measured(dataset, torch.cat([x, x[:2] + CENTERS[1]]), samples=32)["modes"] == 1
    assert measured(dataset, torch.cat([x, x[:2] + CENTERS[1]]), samples=32, share=0.1)["modes"] == 2


def test_the_shell():
    metric = Modes(Ring(), samples=200)
    x = torch.randn(200, 2, generator=torch.Generator().manual_seed(2))
    metric.update(x)
    scores = metric.compute()
    assert set(scores) == set(metric.directions)
    assert all(type(value) is float for value in scores.values())
    assert metric.state_dict() == {}
    assert not list(metric.parameters())
    assert json.loads(json.dumps(metric.provenance)) == metric.provenance
    metric.reset()
    metric.update(x.double())
    assert metric.compute() == scores


def test_nothing_random_is_touched_and_autocast_changes_nothing():
    x = torch.randn(500, 2, generator=torch.Generator().manual_seed(3), requires_grad=True)
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    plain = measured(Ring(), x, samples=500)
    assert torch.equal(state, torch.get_rng_state())
    assert np.array_equal(numpy_state, np.random.get_state()[1])  # noqa: NPY002
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert measured(Ring(), x, samples=500) == plain


def test_samples_that_are_not_finite():
    scores = measured(Ring(), torch.full((100, 2), math.nan), samples=100)
    assert scores["modes"] == 0
    assert math.isnan(scores["wasserstein"])


@pytest.mark.parametrize("setting", ["radius", "share", "samples", "wasserstein_samples", "reference_seed"])
def test_settings_out_of_range(setting):
    with pytest.raises(UserError, match=f"metrics.modes.{setting}=-1"):
        Modes(Ring(), **{setting: -1})


def test_misfits_name_what_fits():
    with pytest.raises(UserError, match=r"metrics=modes: .*Circle.*\nValid choices: wasserstein$"):
        Modes(Circle())
    images = SimpleNamespace(shape=(1, 8, 8), num_classes=10, examples=lambda split: None)
    with pytest.raises(UserError, match="fid, inception_score"):
        Modes(images)
