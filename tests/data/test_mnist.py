"""MNIST: small files of our own for every error, torchvision's reading for the real ones."""

import os
import shutil
import socket
import struct
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

import tiny_data
from steadygan.common.errors import UserError
from steadygan.data.mnist import FILES, MNIST


@pytest.fixture
def root(tmp_path):
    """A data folder with a tiny MNIST of random images."""
    tiny_data.mnist(tmp_path)
    return tmp_path


@pytest.fixture
def offline(monkeypatch):
    """Every use of the network fails, and is remembered."""
    tried = []

    def refuse(*args, **kwargs):
        tried.append(args)
        raise URLError("no network here")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return tried


def agree_with_torchvision(root):
    for split in ("train", "test"):
        reference = torchvision.datasets.MNIST(root, train=split == "train")
        x, y = MNIST(root).examples(split)
        assert (x.min(), x.max(), x.dtype) == (-1, 1, torch.float32)
        torch.testing.assert_close(x[:30].double(), reference.data[:30, None].double() / 127.5 - 1, rtol=0, atol=1e-7)
        assert torch.equal(((x[:, 0] + 1) * 127.5).round().to(torch.uint8), reference.data)
        assert torch.equal(y, reference.targets)


def test_small_files_are_read_as_torchvision_reads_them(root):
    agree_with_torchvision(str(root))


@pytest.mark.skipif(
    not (Path(os.environ.get("STEADYGAN_DATA", "")) / "MNIST" / "raw" / FILES[0]).is_file(),
    reason="STEADYGAN_DATA names no folder with MNIST",
)
def test_the_published_files_are_read_as_torchvision_reads_them():
    agree_with_torchvision(os.environ["STEADYGAN_DATA"])
    data = MNIST(num_data=60_000)
    assert data.batch(0, "real", 0, 8, "cpu", torch.float32)["x"].shape == (8, 1, 28, 28)


def test_no_network_where_the_files_are_there(root, offline):
    MNIST(str(root), download=True)
    MNIST.fingerprint(root=str(root), download=True)
    assert offline == []


def test_a_batch_pairs_each_image_with_its_label(root):
    data = MNIST(str(root), split="test")
    x, y = data.examples("test")
    batch = data.batch(0, "real", 0, 12, "cpu", torch.float32)
    pairs = {(image.numpy().tobytes(), label.item()) for image, label in zip(batch["x"], batch["y"])}
    assert pairs == {(image.numpy().tobytes(), label.item()) for image, label in zip(x, y)}


def test_32_pixels_are_28_with_background_around(root):
    plain, padded = (MNIST(str(root), size=size).examples("train")[0] for size in (28, 32))
    assert torch.equal(padded[..., 2:-2, 2:-2], plain)
    frame = torch.ones(32, 32, dtype=torch.bool)
    frame[2:-2, 2:-2] = False
    assert (padded[..., frame] == -1).all()


@pytest.mark.parametrize("size", [8, 16, 64])
def test_other_sizes_are_scaled_as_pillow_scales_the_padded_images(root, size):
    padded, scaled = (MNIST(str(root), size=s).examples("train")[0][:, 0].numpy() for s in (32, size))
    resized = [Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR) for image in padded]
    np.testing.assert_allclose(scaled, np.stack(resized), rtol=0, atol=1e-5)
    assert -1 <= scaled.min() <= scaled.max() <= 1


def test_the_place_does_not_enter_the_fingerprint_but_the_bytes_do(root, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(root, elsewhere, dirs_exist_ok=True)
    here = MNIST.fingerprint(root=str(root), download=True, size=28, split="train")
    assert MNIST.fingerprint(root=str(elsewhere), download=False, size=28, split="train") == here
    assert "root" not in here
    changed = elsewhere / "MNIST" / "raw" / FILES[2]
    content = bytearray(changed.read_bytes())
    content[-1] ^= 1
    changed.write_bytes(content)
    os.utime(changed, (1, 1))
    assert MNIST.fingerprint(root=str(elsewhere), size=28, split="train")["sha256"] != here["sha256"]
    assert MNIST.fingerprint(root=str(root), size=32, split="train") != here


def test_missing_files_are_named_with_the_remedy(root):
    missing = root / "MNIST" / "raw" / FILES[1]
    missing.unlink()
    with pytest.raises(UserError) as error:
        MNIST(str(root), download=False)
    message = str(error.value)
    assert FILES[1] in message
    assert FILES[0] not in message
    for part in (str(missing.parent), "dataset.root", "STEADYGAN_DATA", "dataset.download=true"):
        assert part in message


def test_a_failing_download_is_a_users_error(tmp_path, offline):
    with pytest.raises(UserError, match=r"(?s)train-images-idx3-ubyte.*the download failed.*no network here"):
        MNIST(str(tmp_path), download=True)
    assert offline


def test_a_folder_that_cannot_be_made_is_a_users_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="the download failed"):
        MNIST(str(tmp_path / "file" / "data"), download=True)


def test_an_unpacked_download_is_used(root, tmp_path_factory, monkeypatch):
    target = tmp_path_factory.mktemp("empty")

    def deliver(self):
        folder = Path(self.raw_folder)
        folder.mkdir(parents=True)
        for name in FILES:
            (folder / name).write_bytes((root / "MNIST" / "raw" / name).read_bytes())

    monkeypatch.setattr(torchvision.datasets.MNIST, "download", deliver)
    assert torch.equal(MNIST(str(target)).examples("train")[0], MNIST(str(root)).examples("train")[0])


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("keep", [0, 6, -1])
def test_a_truncated_file_is_named(root, name, keep):
    path = root / "MNIST" / "raw" / name
    path.write_bytes(path.read_bytes()[:keep])
    split = "train" if name.startswith("train") else "test"
    with pytest.raises(UserError, match=rf"{name}: truncated or corrupt"):
        MNIST(str(root), split=split, download=False)


def test_files_that_do_not_fit_each_other_are_named(root):
    folder = root / "MNIST" / "raw"
    (folder / FILES[1]).write_bytes((folder / FILES[3]).read_bytes())
    with pytest.raises(UserError, match=f"{FILES[1]}: not the labels"):
        MNIST(str(root))
    (folder / FILES[0]).write_bytes((folder / FILES[1]).read_bytes())
    with pytest.raises(UserError, match=f"{FILES[0]}: truncated or corrupt"):
        MNIST(str(root))


def test_a_label_above_nine_is_no_class(root):
    path = root / "MNIST" / "raw" / FILES[1]
    path.write_bytes(path.read_bytes()[:-1] + bytes([10]))
    with pytest.raises(UserError, match=f"{FILES[1]}: not the labels"):
        MNIST(str(root))


def test_images_of_another_size_are_refused(root):
    path = root / "MNIST" / "raw" / FILES[0]
    path.write_bytes(struct.pack(">IIII", 0x803, 30, 14, 56) + path.read_bytes()[16:])
    with pytest.raises(UserError, match=f"{FILES[0]}: images of"):
        MNIST(str(root))


def refuse(*args, **kwargs):
    raise PermissionError(13, "Permission denied")


def test_a_file_that_may_not_be_read_is_named(root, monkeypatch):
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(UserError, match=f"{FILES[0]}: cannot be read .Permission denied."):
        MNIST(str(root))


def test_a_folder_that_may_not_be_entered_is_named(root, monkeypatch):
    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(UserError, match=f"{FILES[0]}: cannot be read .Permission denied."):
        MNIST(str(root))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("locked", ["MNIST/raw", f"MNIST/raw/{FILES[0]}"])
def test_real_permissions_give_users_errors(root, locked):
    (root / locked).chmod(0)
    try:
        for use in (MNIST, MNIST.fingerprint):
            with pytest.raises(UserError, match="cannot be read"):
                use(str(root))
    finally:
        (root / locked).chmod(0o700)


def test_the_stated_number_of_examples_is_checked(root):
    with pytest.raises(UserError, match=r"dataset\.num_data=60000: the train split has 30 examples"):
        MNIST(str(root), num_data=60_000)
    assert MNIST(str(root), num_data=30).num_data == 30


def test_the_environment_names_the_root(root, monkeypatch):
    monkeypatch.setenv("STEADYGAN_DATA", str(root))
    assert MNIST(download=False).num_data == 30
