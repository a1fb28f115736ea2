import pytest
import torch

from steadygan.core.ema import Ema


def test_by_hand():
    average = {"w": torch.tensor([1.0, 2.0], dtype=torch.float64), "steps": torch.tensor(3)}
    value = {"w": torch.tensor([3.0, -2.0], dtype=torch.float64), "steps": torch.tensor(7)}
    new = Ema(decay=0.75, rampup=0.0).update(average, value, 1)
    assert new["w"].tolist() == [1.5, 1.0]  # 0.75 old + 0.25 new
    assert new["steps"] == 7, "a counter is no average"
    assert average["w"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(("t", "beta"), [(1, 1 / 11), (10, 0.5), (90, 0.9), (100000, 0.999)])
def test_ramp_up(t, beta):
    assert float(Ema(decay=0.999, rampup=10.0).beta(t)) == pytest.approx(beta, rel=1e-15)
    assert float(Ema(decay=0.999, rampup=0.0).beta(t)) == pytest.approx(0.999, rel=1e-15)


def test_after_many_updates_it_is_the_weighted_sum_of_all_values():
    values = torch.randn(50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    average = {"w": torch.zeros((), dtype=torch.float64)}
    for t, value in enumerate(values):
        average = Ema(decay=0.9, rampup=0.0).update(average, {"w": value}, t + 1)
    weights = 0.1 * 0.9 ** torch.arange(49, -1, -1, dtype=torch.float64)
    torch.testing.assert_close(average["w"], weights @ values, rtol=1e-13, atol=0)


def test_vmap_equals_loop():
    decays = torch.tensor([0.0, 0.5, 0.99], dtype=torch.float64)
    old, new = torch.ones(3, 2, dtype=torch.float64), torch.full((3, 2), 4.0, dtype=torch.float64)

    def run(decay, a, b):
        return Ema(decay, 10.0).update({"w": a}, {"w": b}, 30.0)["w"]

    expected = torch.stack([run(*each) for each in zip(decays, old, new)])
    assert torch.equal(torch.func.vmap(run)(decays, old, new), expected)
