"""The inception score against numpy and its two ends."""

import numpy as np
import pytest
import torch
from scipy.stats import entropy

from steadygan.common.errors import UserError
from steadygan.data.digits import Digits
from steadygan.data.mixtures import Ring
from steadygan.metrics.inception_score import InceptionScore, score_of_logits


@pytest.fixture(autouse=True)
def _cache(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("STEADYGAN_CACHE", str(tmp_path_factory.mktemp("cache")))


def by_numpy(logits):
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return np.exp(np.mean([entropy(row, p.mean(0)) for row in p]))


def test_by_hand():
    logits = 3 * np.random.default_rng(0).standard_normal((40, 5))
    assert score_of_logits(torch.tensor(logits)) == pytest.approx(by_numpy(logits), rel=1e-12)
    mixed = logits[np.random.RandomState(2020).permutation(40)]
    parts = [by_numpy(part) for part in (mixed[:13], mixed[13:26], mixed[26:])]
    assert score_of_logits(torch.tensor(logits), splits=3) == pytest.approx(np.mean(parts), rel=1e-12)


def test_the_ends_of_the_scale():
    assert score_of_logits(100 * torch.eye(7).repeat(3, 1)) == pytest.approx(7, rel=1e-9)
    assert score_of_logits(100 * torch.eye(7)[:1].repeat(30, 1)) == pytest.approx(1, rel=1e-9)
    assert score_of_logits(torch.zeros(30, 7)) == pytest.approx(1, rel=1e-9)
    assert np.isfinite(score_of_logits(1e4 * torch.eye(7)))


def test_the_order_of_the_classes_does_not_matter():
    """Ten sure classes of 100: parts in their order would hold one class each, and score 1."""
    sorted_by_class = 50 * torch.eye(10).repeat_interleave(100, 0)
    assert score_of_logits(sorted_by_class, splits=10) > 9
    assert np.isnan(score_of_logits(sorted_by_class[:4], splits=10))


def test_the_metric_is_the_function_of_the_classifiers_logits():
    x = Digits().examples("train")[0]
    metric = InceptionScore(Digits(), samples=900, splits=2)
    for batch in x.split(250):
        metric.update(batch)
    logits = metric.network(x[:900])[1].numpy()
    logits = logits[np.random.RandomState(2020).permutation(900)]
    expected = (by_numpy(logits[:450]) + by_numpy(logits[450:])) / 2
    assert metric.compute() == {"is": pytest.approx(expected, rel=1e-9)}
    assert metric.directions == {"is": "max"}
    assert (metric.provenance["splits"], metric.provenance["shuffle_seed"], metric.provenance["samples"]) == (
        2,
        2020,
        900,
    )
    metric.reset()
    metric.update(x[:700])
    metric.compute()
    assert metric.provenance["samples"] == 700
    assert metric.state_dict() == {}


def test_all_digits_score_near_ten_and_one_near_one():
    x, y = Digits().examples("train")
    scores = []
    for chosen in (x, x[y == 3]):
        metric = InceptionScore(Digits())
        metric.update(chosen.double())
        scores.append(metric.compute()["is"])
    assert scores[0] > 9.5
    assert scores[1] < 1.2


def test_misfits_and_settings():
    with pytest.raises(UserError, match=r"metrics=inception_score: .*Ring"):
        InceptionScore(Ring())
    with pytest.raises(UserError, match=r"metrics\.inception_score\.splits=0"):
        InceptionScore(Digits(), splits=0)
    with pytest.raises(UserError, match=r"metrics\.inception_score\.splits=11"):
        InceptionScore(Digits(), samples=10, splits=11)
