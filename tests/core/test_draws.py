import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from steadygan.core import draws

WHOLE = st.integers(-(2**70), 2**70)


@given(seed=WHOLE, other=WHOLE, iteration=st.integers(0, 10**9))
def test_a_seed_is_a_function_of_its_arguments_and_distinguishes_them(seed, other, iteration):
    own = draws.stream_seed(seed, "latent", iteration)
    assert own == draws.stream_seed(seed, "latent", iteration)
    assert 0 <= own < 2**64
    assert own != draws.stream_seed(seed, "real", iteration)
    assert own != draws.stream_seed(seed, "latent", iteration + 1)
    if seed % 2**64 != other % 2**64:
        assert own != draws.stream_seed(other, "latent", iteration)


def test_draws_are_the_same_whatever_ran_before():
    first = draws.normal_like(draws.generator(3, "latent", 7), (4, 2), torch.float64)
    torch.manual_seed(123)
    torch.randn(10)
    draws.normal_like(draws.generator(3, "latent", 6), (40, 2), torch.float64)
    assert torch.equal(first, draws.normal_like(draws.generator(3, "latent", 7), (4, 2), torch.float64))


def test_draws_leave_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    draws.uniform(draws.generator(0, "x"), (100,), torch.float32)
    assert torch.equal(expected, torch.rand(3))


def test_neighbouring_streams_are_unrelated():
    columns = torch.stack(
        [
            draws.normal_like(draws.generator(seed, "latent", t), (2000,), torch.float64)
            for seed in (0, 1)
            for t in (0, 1)
        ]
    )
    correlation = np.corrcoef(columns.numpy()) - np.eye(4)
    assert np.abs(correlation).max() < 5 / np.sqrt(2000)


def test_distributions():
    source = draws.generator(0, "law")
    normal = draws.normal_like(source, (5000, 2), torch.float64)
    assert stats.kstest(normal.flatten().numpy(), "norm").pvalue > 1e-3
    uniform = draws.uniform(source, (10000, 3), torch.float64)
    assert uniform.shape == (10000,)
    assert stats.kstest(uniform.numpy(), "uniform").pvalue > 1e-3


@pytest.mark.parametrize(("shape", "drawn"), [((4, 2), True), ((4, 1, 8, 8), False)])
def test_noise_for_vectors_only(shape, drawn):
    noise = draws.normal_for_vectors(draws.generator(0, "x"), shape, torch.float32)
    assert (noise is not None) == drawn
    assert draws.no_noise(draws.generator(0, "x"), shape, torch.float32) is None
