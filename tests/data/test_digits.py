"""The digits against scikit-learn's own arrays."""

import hashlib
from collections import Counter

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from steadygan.common.errors import UserError
from steadygan.data.digits import Digits


def as_rows(images, labels):
    """Images 0 ... 16 and labels as a multiset of integer rows."""
    return Counter(map(tuple, np.column_stack([images.reshape(len(images), -1), labels]).astype(int).tolist()))


def unscaled(x):
    return (x.double().numpy() + 1) * 8


def test_both_splits_together_are_scikit_learns_digits():
    digits, reference = Digits(), load_digits()
    splits = [digits.examples(split) for split in ("train", "test")]
    ours = sum((as_rows(unscaled(x), y.numpy()) for x, y in splits), Counter())
    assert ours == as_rows(reference.images, reference.target)
    assert [len(x) for x, _ in splits] == [1437, 360]


def test_the_split_keeps_the_share_of_every_class():
    whole = np.bincount(load_digits().target)
    test = np.bincount(Digits().examples("test")[1].numpy())
    assert np.abs(test - 0.2 * whole).max() <= 1


def test_values_reach_from_minus_one_to_one_and_are_exact():
    x, _ = Digits().examples("train")
    assert (x.dtype, x.min().item(), x.max().item()) == (torch.float32, -1.0, 1.0)
    single = Digits().batch(0, "real", 0, 100, "cpu", torch.float32)["x"]
    double = Digits().batch(0, "real", 0, 100, "cpu", torch.float64)["x"]
    assert torch.equal(single.double(), double)


def test_a_batch_pairs_each_image_with_its_label():
    digits = Digits()
    known = as_rows(unscaled(digits.examples("train")[0]), digits.examples("train")[1].numpy())
    epoch = digits.batch(4, "real", 0, digits.num_data, "cpu", torch.float32)
    assert as_rows(unscaled(epoch["x"]), epoch["y"].numpy()) == known


def test_enlarging_is_bilinear():
    small, large = (Digits(size=size).examples("train")[0].double() for size in (8, 16))
    assert large.shape == (1437, 1, 16, 16)
    assert large.min() >= -1
    assert large.max() <= 1
    # output pixel 2i + 1 lies a quarter of a pixel after input pixel i, in both directions
    expected = (
        0.5625 * small[..., :-1, :-1]
        + 0.1875 * small[..., 1:, :-1]
        + 0.1875 * small[..., :-1, 1:]
        + 0.0625 * small[..., 1:, 1:]
    )
    torch.testing.assert_close(large[..., 1:-1:2, 1:-1:2], expected, rtol=0, atol=1e-6)


def test_training_on_the_test_split_takes_its_number_of_examples():
    assert Digits(split="test", num_data=360).num_data == 360
    with pytest.raises(UserError, match=r"dataset\.num_data=1437: the test split has 360 examples"):
        Digits(split="test", num_data=1437)


def test_the_fingerprint_holds_the_content_and_the_settings():
    first = Digits.fingerprint(size=8, split="train")
    assert (first["size"], first["split"]) == (8, "train")
    parts = []
    for x, y in (Digits().examples(split) for split in ("train", "test")):
        parts += [unscaled(x).astype(np.uint8).tobytes(), y.numpy().astype(np.uint8).tobytes()]
    assert first["sha256"] == hashlib.sha256(b"".join(parts)).hexdigest()


@pytest.mark.parametrize(("key", "value", "choice"), [("size", 12, "16"), ("split", "validation", "test")])
def test_what_is_not_offered_is_refused_with_the_choices(key, value, choice):
    with pytest.raises(UserError, match=rf"dataset\.{key}={value}(.|\n)*{choice}"):
        Digits(**{key: value})
