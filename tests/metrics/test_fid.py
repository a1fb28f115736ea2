"""FID on the small classifier against torchmetrics, and what it must be at the ends of its scale."""

import json
import math

import numpy as np
import pytest
import torch
from torchmetrics.image.fid import FrechetInceptionDistance

from steadygan.common.errors import UserError
from steadygan.data.digits import Digits
from steadygan.data.mixtures import Ring
from steadygan.data.storage.frames import from_bytes, to_bytes
from steadygan.metrics.features.references import gaussian
from steadygan.metrics.fid import FID


@pytest.fixture(autouse=True)
def _cache(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("STEADYGAN_CACHE", str(tmp_path_factory.mktemp("cache")))


def measured(x, **settings):
    metric = FID(Digits(), **settings)
    for batch in x.split(600):
        metric.update(batch)
    return metric.compute()["fid"]


def noisy(sigma):
    x = Digits().examples("train")[0]
    return x + sigma * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))


def test_sums_give_mean_and_covariance():
    x = torch.randn(50, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64) + 3
    mean, cov = gaussian(torch.tensor(50), x.sum(0), x.mT @ x)
    assert np.allclose(mean, x.mean(0), rtol=1e-12)
    assert np.allclose(cov, np.cov(x.numpy().T), rtol=1e-10)


def test_equals_torchmetrics_on_the_same_features():
    metric = FID(Digits(), samples=1000)

    class Features(torch.nn.Module):
        num_features = 64

        def forward(self, x):
            return metric.network(x)[0]

    x = noisy(0.3)[:1000]
    theirs = FrechetInceptionDistance(feature=Features(), normalize=True, input_img_size=(1, 8, 8))
    theirs.update(Digits().examples("train")[0], real=True)
    theirs.update(x, real=False)
    metric.update(x)
    assert metric.compute()["fid"] == pytest.approx(float(theirs.compute()), rel=1e-5)


def test_zero_for_the_data_itself_and_rising_with_noise():
    x = Digits().examples("train")[0]
    assert measured(x, samples=len(x)) == pytest.approx(0, abs=1e-4)
    scores = [measured(noisy(sigma), samples=len(x)) for sigma in (0.1, 0.2, 0.4, 0.8)]
    assert scores == sorted(scores)
    assert scores[-1] > 20 * scores[0]


def test_collapse_is_far_and_the_test_split_near():
    digits = Digits()
    test = digits.examples("test")[0]
    near, far = measured(test), measured(digits.examples("train")[0][:1].repeat(360, 1, 1, 1))
    assert far > 10 * near > 0
    assert measured(test, split="test", samples=360) == pytest.approx(0, abs=1e-4)


def test_images_are_clamped_and_rounded():
    x = Digits().examples("train")[0][:500]
    assert measured(x * 100) == measured(x.sign().where(x != 0, x))
    on_grid = from_bytes(to_bytes(x))
    assert measured(on_grid + 0.4 * 2 / 255) == measured(on_grid)  # less than half a level
    assert measured(on_grid + 0.6 * 2 / 255) != measured(on_grid)


def test_only_the_first_samples_count_in_any_float_type():
    x = noisy(0.2)
    assert measured(x, samples=700) == pytest.approx(measured(x[:700]), rel=1e-9)
    assert measured(x.double()) == measured(x)


def test_the_shell():
    torch.manual_seed(0)
    state = torch.get_rng_state()
    metric = FID(Digits(), samples=300)
    metric.update(noisy(0.2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = FID(Digits(), samples=300)
        cast.network._results.clear()  # or the features of before would be used again
        cast.update(noisy(0.2))
        assert cast.compute() == metric.compute()
    assert torch.equal(state, torch.get_rng_state())
    assert metric.state_dict() == {}
    assert not list(metric.parameters())
    assert set(metric.compute()) == set(metric.directions)
    assert json.loads(json.dumps(metric.provenance)) == metric.provenance
    assert metric.provenance["accuracy"] > 0.97
    assert metric.provenance["split_size"] == 1437
    metric.reset()
    metric.update(torch.full((10, 1, 8, 8), math.nan))
    assert math.isnan(metric.compute()["fid"])


def test_misfits_and_settings():
    with pytest.raises(UserError, match=r"metrics=fid: .*Ring.*\nValid choices: exact_density, modes, wasserstein"):
        FID(Ring())
    with pytest.raises(UserError, match=r"metrics\.fid\.split=trian.*\n.*Did you mean 'train'"):
        FID(Digits(), split="trian")
