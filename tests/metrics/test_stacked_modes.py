"""Stacked digits: what is stacked, and the modes that a classifier of the digits finds."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import entropy

from steadygan.common.errors import UserError
from steadygan.data.digits import Digits
from steadygan.data.mixtures import Ring
from steadygan.data.stacked import Stacked
from steadygan.metrics.stacked_modes import StackedModes, mode_of


def test_every_channel_is_an_example_and_triples_do_not_repeat_in_an_epoch():
    data = Stacked(Digits(), num_data=40)
    known = {tuple(image.flatten().tolist()) for image in Digits().examples("train")[0]}
    batches = [data.batch(3, "real", index, 20, "cpu", torch.float64) for index in (0, 1)]
    assert all(tuple(c.flatten().tolist()) in known for batch in batches for image in batch["x"].float() for c in image)
    assert sorted(torch.cat([batch["index"] for batch in batches]).tolist()) == list(range(40))
    everything = data.examples("train")[0]
    assert torch.equal(everything[batches[0]["index"].long()].double(), batches[0]["x"])
    assert torch.equal(data.batch(3, "real", 0, 20, "cpu", torch.float64)["x"], batches[0]["x"])
    assert len(data.examples("test")[0]) == 360
    assert len({tuple(image.flatten().tolist()) for image in everything}) == 40
    assert not torch.equal(everything[:, 0], everything[:, 1])


def test_the_mode_is_a_number_of_three_digits():
    logits = torch.nn.functional.one_hot(torch.tensor([[4, 0, 7], [9, 9, 9], [0, 0, 0]]), 10).double()
    assert mode_of(logits).tolist() == [407, 999, 0]


def test_modes_and_divergence_by_hand():
    x, y = Digits().examples("train")
    metric = StackedModes(Stacked(Digits(), num_data=100), samples=60)
    right = metric.classifier(x)[1].argmax(1) == y
    one, two = x[right & (y == 1)][:20], x[right & (y == 2)][:20]
    samples = torch.cat([torch.cat(part, 1) for part in ([one, one, two], [two, one, one], [two, one, one])])
    for part in samples.split(25):
        metric.update(part)
    expected = entropy([1 / 3, 2 / 3]) * -1 + math.log(1000)
    assert metric.compute() == {"modes": 2, "kl": pytest.approx(expected)}
    assert metric.counts.nonzero().flatten().tolist() == [112, 211]
    metric.reset()
    metric.update(torch.full((5, 3, 8, 8), math.nan))
    assert metric.compute() == {"modes": 0, "kl": pytest.approx(math.log(1000))}


def test_the_data_themselves_have_almost_all_modes():
    data = Stacked(Digits(), num_data=3000)
    metric = StackedModes(data, samples=3000)
    metric.update(data.examples("train")[0])
    found = metric.compute()
    assert found["modes"] > 900
    uniform = np.random.default_rng(0).multinomial(3000, np.full(1000, 1e-3)) / 3000
    assert found["kl"] == pytest.approx(entropy(uniform, np.full(1000, 1e-3)), abs=0.05)
    assert metric.provenance["most"] == {"modes": 1000}


def test_misfits():
    for data in (Ring(), Digits()):
        with pytest.raises(UserError, match="metrics=stacked_modes: needs stacked digits"):
            StackedModes(data)
