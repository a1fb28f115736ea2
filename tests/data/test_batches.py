"""What holds for the batches of every data set."""

import pickle

import pytest
import torch

from steadygan.data.base import Endless
from steadygan.data.curves import Circle, FourLines, Line
from steadygan.data.digits import Digits
from steadygan.data.gaussian import Gaussian
from steadygan.data.mixtures import Grid, Mixture1d, Ring

BUILD = [Gaussian, Mixture1d, Ring, Grid, Line, Circle, FourLines, Digits]


def batch(data, seed=0, stream="real", index=3, size=50, dtype=torch.float32):
    return data.batch(seed, stream, index, size, device=torch.device("cpu"), dtype=dtype)


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("build", BUILD)
def test_a_batch_is_a_function_of_seed_stream_and_index(build):
    busy, fresh = build(), build()
    for index in (7, 0, 3, 100):
        batch(busy, index=index)
        batch(busy, seed=1, stream="other", index=index, size=9)
    torch.manual_seed(123)
    assert same(batch(busy), batch(fresh))


@pytest.mark.parametrize("build", BUILD)
def test_the_global_generator_is_left_alone(build):
    before = torch.get_rng_state()
    batch(build())
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("build", BUILD)
def test_seeds_streams_and_indices_differ(build):
    data = build()
    base = batch(data)
    others = [batch(data, seed=1), batch(data, stream="fake"), batch(data, index=4)]
    assert not any(torch.equal(base["x"], other["x"]) for other in others)


@pytest.mark.parametrize("build", BUILD)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_batches_have_the_shape_and_type_asked_for(build, dtype):
    data = build()
    drawn = batch(data, dtype=dtype)
    assert (drawn["x"].shape, drawn["x"].dtype) == ((50, *data.shape), dtype)
    assert ("y" in drawn) == (data.num_classes is not None)
    if "y" in drawn:
        assert (drawn["y"].shape, drawn["y"].dtype) == ((50,), torch.int64)
        assert 0 <= drawn["y"].min() <= drawn["y"].max() < data.num_classes


@pytest.mark.parametrize("build", BUILD)
def test_a_data_set_survives_pickling(build):
    data = build()
    expected = batch(data)
    assert same(batch(pickle.loads(pickle.dumps(data))), expected)


def test_a_distribution_has_no_default_sampler():
    with pytest.raises(TypeError, match="sample"):
        Endless(10)
