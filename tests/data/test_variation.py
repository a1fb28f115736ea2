"""Mirrored images and noise within a grey level, of the data sets that lie in memory."""

import numpy as np
import pytest
import torch

import tiny_data
from steadygan.common.errors import UserError
from steadygan.core.draws import generator
from steadygan.data.digits import Digits
from steadygan.data.epochs import rows
from steadygan.data.mnist import MNIST
from steadygan.data.stacked import Stacked, StackedMNIST
from steadygan.runs.signature import signature

STREAM = "real/discriminator"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with a tiny MNIST of random images."""
    root = tmp_path_factory.mktemp("data")
    tiny_data.mnist(root)
    return root


@pytest.fixture
def build(root):
    """``build(name, **settings)``: a data set of few examples."""
    makers = {
        "digits": Digits,
        "mnist": lambda **settings: MNIST(str(root), download=False, **settings),
        "stacked": lambda **settings: Stacked(Digits(), 50, **settings),
        "stacked_mnist": lambda **settings: StackedMNIST(str(root), download=False, num_data=50, **settings),
    }
    return lambda name, **settings: makers[name](**settings)


NAMES = ["digits", "mnist", "stacked", "stacked_mnist"]
LEVELS = {"digits": 8, "stacked": 8, "mnist": 127.5, "stacked_mnist": 127.5}
"""Grey levels a unit: scikit-learn's digits are 0 ... 16, MNIST's 0 ... 255."""


def batch(data, seed=3, index=2, size=20, dtype=torch.float32):
    return data.batch(seed, STREAM, index, size, device="cpu", dtype=dtype)


def expected(data, seed, index, size):
    """Rows of the examples, by indexing alone."""
    at = rows(data.num_data, seed, STREAM, index, size).long()
    x, y = data.examples("train")
    return at, x[at], None if y is None else y[at]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("settings", [{}, {"flip": False, "dequantise": False}])
def test_without_either_a_batch_is_rows_of_the_examples_to_the_bit(build, name, settings):
    data = build(name, **settings)
    for index in (0, 2, 7):
        at, x, y = expected(data, 3, index, 20)
        found = batch(data, index=index)
        assert torch.equal(found["index"].long(), at)
        assert torch.equal(found["x"], x)
        assert torch.equal(batch(data, index=index, dtype=torch.float64)["x"], x.double())
        assert ("y" in found) == (y is not None)
        assert y is None or torch.equal(found["y"], y)


@pytest.mark.parametrize("name", NAMES)
def test_half_of_the_images_are_mirrored_as_seed_and_iteration_say(build, name):
    data, mirrored = build(name, flip=True), 0
    for index in range(40):
        _, x, y = expected(data, 3, index, 30)
        found = batch(data, index=index, size=30)
        drawn = torch.rand(30, generator=generator(3, f"{STREAM}/flip", index)) < 0.5
        for place, each in enumerate(drawn):
            image = x[place].numpy()[..., ::-1] if each else x[place].numpy()
            assert np.array_equal(found["x"][place].numpy(), image)
        assert y is None or torch.equal(found["y"], y)
        mirrored += int(drawn.sum())
    assert abs(mirrored - 600) < 5 * (1200 / 4) ** 0.5
    busy, fresh = data, build(name, flip=True)
    assert torch.equal(batch(busy)["x"], batch(fresh)["x"]), "whatever was asked before"
    both = [torch.rand(20, generator=generator(seed, f"{STREAM}/flip", 2)) < 0.5 for seed in (3, 4)]
    assert not torch.equal(*both)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("flip", [False, True])
def test_the_noise_is_uniform_over_one_grey_level(build, name, flip):
    plain, data = build(name, flip=flip), build(name, flip=flip, dequantise=True)
    pairs = [[batch(each, index=index, dtype=torch.float64)["x"] for each in (plain, data)] for index in range(20)]
    noise = torch.cat([(found - was).flatten() for was, found in pairs]) * LEVELS[name]
    assert -0.5 - 1e-9 <= noise.min() < -0.499
    assert 0.499 < noise.max() <= 0.5 + 1e-9
    assert abs(noise.mean()) < 5 * (1 / 12 / len(noise)) ** 0.5
    assert abs(noise.square().mean() - 1 / 12) < 5 * (1 / 180 / len(noise)) ** 0.5
    for was, found in pairs[:3]:
        assert torch.equal(((found + 1) * LEVELS[name]).round(), ((was + 1) * LEVELS[name]).round())
    assert not torch.equal(pairs[0][1], batch(data, seed=4, index=0, dtype=torch.float64)["x"])
    assert torch.equal(batch(data)["x"], batch(build(name, flip=flip, dequantise=True))["x"])


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_are_as_they_are(build, name):
    """Metrics and pictures see the images themselves."""
    plain, data = build(name), build(name, flip=True, dequantise=True)
    batch(data)
    assert torch.equal(data.examples("train")[0], plain.examples("train")[0])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("key", ["flip", "dequantise"])
@pytest.mark.parametrize("value", [0.5, 1, "yes"])
def test_only_true_and_false_are_welcome(build, name, key, value):
    with pytest.raises(UserError, match=rf"dataset\.{key}={value}: must be true or false"):
        build(name, **{key: value})


OFF = {"flip": False, "dequantise": False}


@pytest.mark.parametrize(
    ("target", "config"),
    [
        ("digits.Digits", {"size": 8, "split": "train", "num_data": 1437}),
        ("mnist.MNIST", {"size": 28, "split": "train", "num_data": 30}),
        ("stacked.StackedMNIST", {"size": 28, "split": "train", "num_data": 50}),
    ],
)
def test_what_is_off_is_not_signed_and_what_is_on_is(root, target, config):
    """Runs from before there were these keys are the runs without them."""

    def signed(**more):
        place = {} if target.startswith("digits") else {"root": str(root), "download": False}
        return signature({"dataset": {"_target_": f"steadygan.data.{target}", **config, **place, **more}})

    assert signed(**OFF) == signed()
    assert len({signed(), signed(**OFF | {"flip": True}), signed(**OFF | {"dequantise": True})}) == 3
