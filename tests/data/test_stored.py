"""Batches of images from files: functions of (seed, stream, index), wherever the bytes are kept."""

import pickle
import threading

import numpy as np
import pytest
import torch

import tiny_data
from steadygan.common.errors import UserError
from steadygan.core.draws import generator
from steadygan.data.cifar10 import CIFAR10
from steadygan.data.epochs import rows
from steadygan.data.folder import ImageFolder
from steadygan.data.storage import preparing
from steadygan.data.storage.frames import to_bytes
from steadygan.data.storage.prefetch import Prefetch


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures")
    tiny_data.folder(root, 30, ("cats", "dogs", "hens"))
    return root


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(preparing, "SHARD_BYTES", 7 * 3 * 16 * 16)


def build(root, **settings):
    return ImageFolder(**{"root": str(root), "labels": "folders", "size": 16, "workers": 1, **settings})


def batch(data, seed=3, stream="real/discriminator", index=2, size=8, dtype=torch.float32):
    return data.batch(seed, stream, index, size, device="cpu", dtype=dtype)


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


KEPT = [{"keep": "memory"}, {"keep": "disk"}, {"keep": "disk", "prefetch": False}]
VARIED = [{}, {"flip": True}, {"dequantise": True}, {"flip": True, "dequantise": True, "channels": 1}]


@pytest.mark.parametrize("varied", VARIED)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_where_the_bytes_are_kept_makes_no_difference(root, varied, dtype):
    sets = [build(root, **kept, **varied) for kept in KEPT]
    assert [data.in_memory for data in sets] == [True, False, False]
    for index in (0, 1, 2, 3, 4, 9, 1):  # in a row, over the end of an epoch, and back
        first, *others = (batch(data, index=index, dtype=dtype) for data in sets)
        assert all(same(first, other) for other in others)


@pytest.mark.parametrize("kept", KEPT)
def test_a_batch_does_not_depend_on_what_was_asked_before(root, kept):
    busy, fresh = (build(root, flip=True, dequantise=True, **kept) for _ in range(2))
    for index in range(5):
        for seed in (0, 1):
            batch(busy, seed=seed, index=index)
    batch(busy, index=1)
    assert same(batch(busy), batch(fresh))
    assert same(batch(pickle.loads(pickle.dumps(busy))), batch(fresh))


def test_a_batch_is_its_rows_of_the_examples(root):
    data = build(root, keep="disk")
    frames, labels = data.examples("train")
    found = batch(data, index=4)
    at = rows(30, 3, "real/discriminator", 4, 8).long()
    assert torch.equal(found["index"].long(), at)
    assert torch.equal(found["x"], frames.bytes(at).float() / 127.5 - 1)
    assert torch.equal(found["y"], labels[at])


def test_half_of_the_images_are_mirrored_as_drawn(root):
    plain, data = build(root), build(root, flip=True)
    mirrored = 0
    for index in range(40):
        was, found = batch(plain, index=index, size=30)["x"], batch(data, index=index, size=30)["x"]
        drawn = torch.rand(30, generator=generator(3, "real/discriminator/flip", index)) < 0.5
        assert torch.equal(found, torch.where(drawn[:, None, None, None], was.flip(3), was))
        mirrored += int(drawn.sum())
    assert abs(mirrored - 600) < 5 * (1200 / 4) ** 0.5
    assert not torch.equal(batch(data)["x"], batch(plain)["x"])


def test_the_noise_is_uniform_over_one_grey_level(root):
    plain, data = build(root), build(root, dequantise=True)
    noise = torch.cat([
        (batch(data, index=index, dtype=torch.float64)["x"] - batch(plain, index=index, dtype=torch.float64)["x"])
        for index in range(20)
    ]).flatten() * 127.5  # fmt: skip
    assert -0.5 <= noise.min() < -0.4999
    assert 0.4999 < noise.max() <= 0.5
    count = len(noise)
    assert abs(noise.mean()) < 5 * (1 / 12 / count) ** 0.5
    assert abs(noise.square().mean() - 1 / 12) < 5 * (1 / 180 / count) ** 0.5
    assert torch.equal(to_bytes(batch(data)["x"]), to_bytes(batch(plain)["x"])), "rounded it is the image"
    assert not torch.equal(batch(data)["x"], batch(data, index=3)["x"])


def test_small_data_are_kept_in_memory_and_large_ones_on_disk(root, monkeypatch):
    from steadygan.data import stored

    assert build(root).in_memory
    monkeypatch.setattr(stored, "IN_MEMORY", 30 * 3 * 16 * 16 - 1)
    assert not build(root).in_memory


def test_labels_stay_with_their_images_where_some_are_skipped(tmp_path):
    tiny_data.folder(tmp_path, 12)
    whole = build(tmp_path, keep="disk").examples("train")
    paths = sorted(tmp_path.glob("*/*/*.png"))
    for place in (0, 5, 11):
        paths[place].write_bytes(b"broken")
    copy = tmp_path / "."  # another name of the folder, which is looked at once in a process
    preparing.remembered.cache_clear()
    from steadygan.data.storage import hashes

    hashes.look_again()
    data = build(copy, corrupt="skip", num_data=9)
    kept = [place for place in range(12) if place not in (0, 5, 11)]
    assert torch.equal(data.examples("train")[1], whole[1][kept])
    found = batch(data, size=9)
    assert torch.equal(found["y"], data.examples("train")[1][found["index"].long()])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_data": 31}, "dataset.num_data=31: the train split has 30 examples; set dataset.num_data=30"),
        ({"split": "tests"}, "dataset.split=tests: is not offered\nValid choices: test, train. Did you mean 'test'"),
        ({"crop": "centre"}, "dataset.crop=centre: is not offered\nValid choices: none, square"),
        ({"crop": 0}, "dataset.crop=0: must be a whole number"),
        ({"resize": "lancsoz"}, "Did you mean 'lanczos'"),
        ({"channels": 2}, "dataset.channels=2: is not offered\nValid choices: 1, 3"),
        ({"corrupt": "ignore"}, "dataset.corrupt=ignore: is not offered"),
        ({"keep": "gpu"}, "dataset.keep=gpu: is not offered"),
        ({"flip": 0.5}, "dataset.flip=0.5: must be true or false"),
        ({"test_share": 2.0}, "dataset.test_share=2.0: must be between 0 and 1"),
        ({"workers": 0}, "dataset.workers=0: must be a whole number of at least 1"),
        ({"size": 1.5}, "dataset.size=1.5: must be a whole number"),
        ({"labels": "names"}, "dataset.labels=names: is not offered"),
    ],
)
def test_settings_are_checked(root, settings, message):
    with pytest.raises(UserError) as error:
        build(root, **settings)
    assert message in str(error.value)


# --- the signature --------------------------------------------------------------------------------------------------


def fingerprint(root, **settings):
    return ImageFolder.fingerprint(root=str(root), **settings)


def test_the_fingerprint_knows_the_content_and_not_the_place(root, tmp_path):
    tiny_data.folder(tmp_path / "copy", 30, ("cats", "dogs", "hens"))
    first = fingerprint(root)
    assert fingerprint(tmp_path / "copy") == first
    assert "root" not in first
    tiny_data.folder(tmp_path / "other", 29, ("cats", "dogs", "hens"))
    assert fingerprint(tmp_path / "other") != first


@pytest.mark.parametrize(
    "same", [{"workers": 3}, {"keep": "disk"}, {"prefetch": False}, {"num_data": 30}, {"corrupt": "skip"}]
)
def test_how_it_is_held_is_not_signed(root, same):
    assert fingerprint(root, **same) == fingerprint(root)


@pytest.mark.parametrize(
    "other",
    [{"size": 32}, {"crop": 20}, {"flip": True}, {"dequantise": True}, {"labels": "folders"}, {"split": "test"}],
)
def test_what_is_seen_is_signed(root, other):
    assert fingerprint(root, **other) != fingerprint(root)


def test_the_labels_of_celeba_are_signed(tmp_path):
    from steadygan.data.celeba import CelebA

    tiny_data.celeba(tmp_path)
    made = {labels: CelebA.fingerprint(root=str(tmp_path), labels=labels) for labels in ("none", "Male", "Smiling")}
    assert made["none"]["labels_sha256"] is None
    assert len(made["Male"]["labels_sha256"]) == 64
    assert len({str(each) for each in made.values()}) == 3


def test_cifar10_has_no_use_for_a_wrong_key(tmp_path):
    tiny_data.cifar10(tmp_path)
    with pytest.raises(UserError, match=r"dataset.sise=16: no such key\nValid choices: .*size"):
        CIFAR10.fingerprint(root=str(tmp_path), sise=16)


# --- prefetching ----------------------------------------------------------------------------------------------------


def test_the_next_batch_is_made_ahead_by_another_thread():
    made, ready = [], threading.Event()

    def make(seed, stream, index, size):
        made.append((seed, stream, index, threading.current_thread() is threading.main_thread()))
        if index == 7:
            ready.set()
        return torch.tensor([seed, index, size])

    ahead = Prefetch(make)
    for index in (5, 6):
        assert ahead(1, "real", index, 4).tolist() == [1, index, 4]
    assert ready.wait(30)
    assert ahead(1, "real", 7, 4).tolist() == [1, 7, 4]
    assert made[:3] == [(1, "real", 5, True), (1, "real", 6, True), (1, "real", 7, False)]
    assert ahead(1, "real", 0, 4).tolist() == [1, 0, 4]  # a jump
    assert ahead(1, "picture", 0, 4).tolist() == [1, 0, 4]
    assert not [each for each in made if each[1] == "picture" and each[2]], "a single batch is no stream"


def test_an_error_ahead_is_raised_when_its_batch_is_asked_for():
    def make(seed, stream, index, size):
        if index == 2:
            raise OSError("gone")
        return torch.tensor([index])

    ahead = Prefetch(make)
    for index in (0, 1):
        assert ahead(1, "real", index, 4).tolist() == [index]
    with pytest.raises(OSError, match="gone"):
        ahead(1, "real", 2, 4)


def test_many_streams_are_not_all_remembered(monkeypatch):
    from steadygan.data.storage import prefetch

    monkeypatch.setattr(prefetch, "MOST", 3)
    ahead = Prefetch(lambda seed, stream, index, size: torch.tensor([seed, index]))
    for index in range(3):
        for seed in range(10):
            assert ahead(seed, "real", index, 4).tolist() == [seed, index]
    assert len(ahead._last) == 3
    assert len(ahead._lookahead) <= 3


# --- looking at all of them -----------------------------------------------------------------------------------------


def test_frames_are_like_a_tensor(root):
    frames, labels = build(root, keep="disk").examples("train")
    x = torch.from_numpy(frames.bytes(slice(None)).numpy()).float() / 127.5 - 1
    assert frames.shape == tuple(x.shape) == (30, 3, 16, 16)
    assert len(frames) == 30
    assert torch.equal(frames[3:9], x[3:9])
    assert torch.equal(frames[4], x[4])
    assert torch.equal(frames[-1], x[-1])
    assert torch.equal(frames[labels == 1], x[labels == 1])
    at = torch.tensor([7, 0, 7, 29])
    assert torch.equal(frames[at], x[at])
    assert torch.equal(frames[np.array([2, 1])], x[[2, 1]])
    assert all(torch.equal(part, other) for part, other in zip(frames.split(7), x.split(7), strict=True))
