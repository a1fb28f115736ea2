"""Epochs without replacement, as functions of (seed, stream, index)."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from steadygan.common.errors import UserError
from steadygan.data import epochs
from steadygan.data.epochs import permutation, rows
from steadygan.data.memory import InMemory


@settings(max_examples=80, deadline=None)
@given(count=st.integers(1, 23), batch_size=st.integers(1, 60), seed=st.integers(0, 2**40))
def test_every_row_comes_exactly_once_an_epoch(count, batch_size, seed):
    epochs = 4
    batches = -(-epochs * count // batch_size)
    dealt = torch.cat([rows(count, seed, "real", index, batch_size) for index in range(batches)])
    assert len(dealt) == batches * batch_size
    for epoch in dealt[: epochs * count].split(count):
        assert sorted(epoch.tolist()) == list(range(count))


@settings(max_examples=40, deadline=None)
@given(count=st.integers(1, 23), sizes=st.tuples(st.integers(1, 30), st.integers(1, 30)))
def test_the_batch_size_only_cuts_the_same_row_of_examples(count, sizes):
    total = sizes[0] * sizes[1]
    first = torch.cat([rows(count, 1, "real", index, sizes[0]) for index in range(sizes[1])])
    second = torch.cat([rows(count, 1, "real", index, sizes[1]) for index in range(sizes[0])])
    assert len(first) == total
    assert first.tolist() == second.tolist()


@settings(max_examples=30, deadline=None)
@given(asked=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 400)), max_size=12))
def test_a_batch_does_not_depend_on_what_was_asked_before(asked):
    for seed, index in asked:
        rows(11, seed, "real", index, 7)
    after = rows(11, 2, "real", 5, 7).tolist()
    epochs._small.cache_clear()
    assert rows(11, 2, "real", 5, 7).tolist() == after


def test_epochs_seeds_and_streams_are_shuffled_differently():
    orders = [
        permutation(1000, seed, stream, epoch, "cpu").tolist()
        for seed in (0, 1)
        for stream in ("real/generator", "real/discriminator")
        for epoch in (0, 1)
    ]
    assert len({tuple(order) for order in orders}) == 8
    agreements = [sum(a == b for a, b in zip(orders[0], other)) for other in orders[1:]]
    assert max(agreements) < 10  # Poisson(1) each for unrelated orders


def test_the_first_row_of_an_epoch_is_uniform():
    first = torch.stack([permutation(5, seed, "real", 0, "cpu")[0] for seed in range(2000)])
    counts = torch.bincount(first, minlength=5)
    assert (counts - 400).abs().max() < 5 * (2000 * 0.2 * 0.8) ** 0.5


def load(split):
    """Ten images that hold their own number, with it as label; the test split counts on."""
    numbers = torch.arange(10) + (10 if split == "test" else 0)
    return numbers.float()[:, None, None, None].expand(10, 1, 2, 2), numbers


def test_images_and_labels_stay_together():
    data = InMemory(load)
    assert (data.shape, data.num_data) == ((1, 2, 2), 10)
    seen = []
    for index in range(10):
        batch = data.batch(0, "real", index, 4, "cpu", torch.float32)
        assert batch["y"].dtype == torch.int64
        assert (batch["x"] == batch["y"][:, None, None, None]).all()
        seen += batch["y"].tolist()
    assert sorted(seen) == sorted(list(range(10)) * 4)


def test_the_split_says_what_is_trained_on():
    assert set(InMemory(load, split="test").batch(0, "real", 0, 10, "cpu", torch.float32)["y"].tolist()) == set(
        range(10, 20)
    )


def test_data_without_labels_gives_none():
    batch = InMemory(lambda split: (torch.rand(6, 2), None)).batch(0, "real", 0, 9, "cpu", torch.float64)
    assert set(batch) == {"x", "index"}
    assert batch["x"].dtype == torch.float64


def test_a_batch_is_no_view_of_the_data():
    data = InMemory(load)
    data.batch(0, "real", 0, 10, "cpu", torch.float32)["x"].fill_(-1)
    assert (data.examples("train")[0] >= 0).all()


@pytest.mark.parametrize("stated", [9, 10.5])
def test_another_number_of_examples_is_refused(stated):
    with pytest.raises(UserError, match=r"dataset\.num_data="):
        InMemory(load, num_data=stated)
