"""A classifier's confidence by hand, on logits that are known and on digits."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from steadygan.common.errors import UserError
from steadygan.data.digits import Digits
from steadygan.data.mixtures import Ring
from steadygan.metrics.confidence import Confidence, confidences, lowest


def test_confidences_by_hand():
    logits = torch.tensor([[0.0, 0.0, 0.0], [math.log(6), math.log(3), 0.0], [math.nan, 1.0, 1.0], [1000.0, 0.0, 0.0]])
    assert confidences(logits).tolist() == pytest.approx([1 / 3, 0.6, 0.0, 1.0])


def test_the_lowest_by_hand():
    values = torch.tensor([0.9, 0.1, 0.5, 0.3, 0.7, 0.8, 0.2, 0.6, 0.4, 1.0])
    assert [float(lowest(values, share)) for share in (0.1, 0.2, 0.25, 1.0, 1e-6)] == pytest.approx(
        [0.1, 0.15, 0.2, 0.55, 0.1]
    )


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.floats(0.01, 1))
def test_the_tail_is_never_above_the_mean(values, share):
    values = torch.tensor(values, dtype=torch.float64)
    assert values.min() - 1e-12 <= lowest(values, share) <= values.mean() + 1e-12


def test_real_digits_and_noise():
    """Written out from the classifier's own logits; in parts; and noise is less like a digit than digits are."""
    digits = Digits()
    metric = Confidence(digits, samples=300, tail=0.1)
    x, _ = digits.examples("test")
    for part in (x[:100], x[100:]):
        metric.update(part)
    largest = metric.classifier(x[:300])[1].softmax(1).max(1).values
    found = metric.compute()
    assert found["confidence"] == pytest.approx(float(largest.mean()))
    assert found["confidence_tail"] == pytest.approx(float(largest.sort().values[:30].mean()))
    assert found["confidence"] > 0.9
    metric.reset()
    metric.update(torch.rand(300, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    assert metric.compute()["confidence_tail"] < found["confidence_tail"] - 0.05
    metric.reset()
    metric.update(torch.full((2, 1, 8, 8), torch.nan))
    assert metric.compute() == {"confidence": 0, "confidence_tail": 0}


def test_what_cannot_be_is_said():
    with pytest.raises(UserError, match="needs labelled images"):
        Confidence(Ring())
    with pytest.raises(UserError, match=r"metrics.confidence.tail=0: must be greater than 0 and at most 1"):
        Confidence(Digits(), tail=0)
