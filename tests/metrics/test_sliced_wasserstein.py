"""The sliced Wasserstein distance of patches."""

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance

from steadygan.common.errors import UserError
from steadygan.data.digits import Digits
from steadygan.data.mixtures import Ring
from steadygan.metrics.sliced_wasserstein import (
    SlicedWasserstein,
    enlarged,
    laplacian_pyramid,
    patches,
    sorted_distance,
)


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("sides", [[8], [28], [32, 16], [128, 64, 32, 16], [36, 18]])
def test_the_levels_of_the_pyramid_add_up(sides):
    x = noise(2, 3, sides[0], sides[0])
    levels = laplacian_pyramid(x)
    assert list(levels) == sides
    whole = levels[sides[-1]]
    for size in reversed(sides[:-1]):
        whole = enlarged(whole) + levels[size]
    torch.testing.assert_close(whole, x, rtol=0, atol=1e-12)


def test_a_constant_and_a_slope_lie_in_the_coarsest_level():
    levels = laplacian_pyramid(torch.full((1, 1, 64, 64), 0.3, dtype=torch.float64))
    assert max(float(levels[side].abs().max()) for side in (64, 32)) < 1e-12
    assert float((levels[16] - 0.3).abs().max()) < 1e-12
    slope = torch.linspace(0, 1, 64, dtype=torch.float64).expand(1, 1, 64, 64)
    inside = laplacian_pyramid(slope)[64][..., 8:-8]
    # sample i of a halved row lies at pixel 2 i, and is put back half a pixel off
    torch.testing.assert_close(inside, torch.full_like(inside, 0.5 / 63), rtol=0, atol=1e-12)


def test_patches_are_cut_where_they_are_asked_for():
    x = torch.arange(2 * 100.0).reshape(2, 1, 10, 10)
    found = patches(x, torch.tensor([[0, 3], [2, 1]]))
    assert found.shape == (2, 2, 1, 7, 7)
    assert torch.equal(found[1, 1, 0], x[1, 0, 2:9, 1:8])
    assert torch.equal(found[0, 0, 0], x[0, 0, :7, 3:])


def test_the_distance_of_columns_is_scipys():
    a, b = noise(50, 6), noise(50, 6, seed=1) * 2 + 0.3
    expected = np.mean([wasserstein_distance(x, y) for x, y in zip(a.T.numpy(), b.T.numpy())])
    assert float(sorted_distance(a.sort(0).values, b.sort(0).values)) == pytest.approx(expected, rel=1e-12)
    several = b.repeat_interleave(3, 0)  # the same distribution in another number of points
    assert float(sorted_distance(a.sort(0).values, several.sort(0).values)) == pytest.approx(expected, rel=1e-12)


class Data:
    """Images that are given."""

    split, num_classes = "train", None

    def __init__(self, x):
        self.x, self.shape, self.num_data = x, tuple(x.shape[1:]), len(x)

    def examples(self, split):
        return self.x, None


def score(metric, x):
    metric.reset()
    metric.update(x)
    return metric.compute()


def test_of_the_same_images_it_is_zero_in_any_order():
    x = noise(40, 3, 32, 32).clamp(-1, 1).float()
    metric = SlicedWasserstein(Data(x), samples=40)
    assert score(metric, x.flip(0)) == {"swd": 0.0, "swd_32": 0.0, "swd_16": 0.0}


def test_a_shift_is_told_in_standard_deviations():
    """All channels shifted by s: a direction w sees s sum(w) / std, whose mean over directions is a half-normal's."""
    x = noise(60, 1, 16, 16).mul(0.2).clamp(-0.8, 0.8).float()
    metric = SlicedWasserstein(Data(x), samples=60, directions=1000)
    levels = 25
    std = float(((x * 127.5 + 127.5).round() / 127.5 - 1).std())
    expected = levels / 127.5 / std * (2 / np.pi) ** 0.5
    assert score(metric, x + levels / 127.5)["swd"] == pytest.approx(expected, rel=0.1)


def test_each_scale_sees_what_is_wrong_at_it():
    x = Digits(size=32).examples("train")[0][:300]
    metric = SlicedWasserstein(Data(x), samples=300)
    checkers = 0.3 * (torch.arange(32)[:, None] + torch.arange(32)).remainder(2).mul(2).sub(1)
    fine, coarse = score(metric, x + checkers), score(metric, x * 0.5)
    assert fine["swd_32"] > 5 * fine["swd_16"]
    assert coarse["swd_16"] > coarse["swd_32"]
    assert coarse["swd"] == pytest.approx((coarse["swd_16"] + coarse["swd_32"]) / 2)


def test_how_samples_come_makes_no_difference():
    data = Digits(size=16)
    x = data.examples("test")[0][:130]
    metric = SlicedWasserstein(data, samples=130)
    whole = score(metric, x)
    metric.reset()
    for part in x.split(17):
        metric.update(part)
    assert metric.compute() == whole
    assert list(whole) == ["swd"]


def test_samples_that_are_not_finite():
    x = torch.zeros(10, 1, 8, 8)
    metric = SlicedWasserstein(Data(noise(20, 1, 8, 8).clamp(-1, 1).float()), samples=10)
    x[3, 0, 0, 0] = float("nan")
    assert np.isnan(score(metric, x)["swd"])


def test_it_wants_images():
    with pytest.raises(UserError, match="needs images, which Ring has not"):
        SlicedWasserstein(Ring())
    with pytest.raises(UserError, match=r"metrics.sliced_wasserstein.split=validation: no such split"):
        SlicedWasserstein(Digits(), split="validation")
