"""Inception with random weights against torch-fidelity's extractor; resizers against the references."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from steadygan.data.pictures import Pictures
from steadygan.errors import UserError
from steadygan.metrics.fid import FID
from steadygan.metrics.images import to_bytes
from steadygan.metrics.inception import FILE, Inception, standard_place
from steadygan.metrics.inception_score import InceptionScore
from steadygan.metrics.resizers import RESIZERS, clean

extractors = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file of random weights under a name that begins its SHA-256, as the published one's does."""
    folder = tmp_path_factory.mktemp("weights")

    class Random(extractors.FeatureExtractorInceptionV3):
        def load_state_dict(self, state):
            pass

    torch.save({}, folder / "nothing")
    network = Random("random", ["2048"], feature_extractor_weights_path=folder / "nothing")
    source = torch.Generator().manual_seed(0)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=source)
    nn.init.normal_(network.fc.weight, std=0.02, generator=source)
    torch.save(network.state_dict(), folder / "random")
    name = f"random-{hashlib.sha256((folder / 'random').read_bytes()).hexdigest()[:8]}.pth"
    return str((folder / "random").rename(folder / name))


def images(*shape, seed=0):
    x = torch.rand(*shape, generator=torch.Generator().manual_seed(seed))
    return 2 * nn.functional.avg_pool2d(x, 3, 1, 1) - 1


@pytest.mark.parametrize("shape", [(2, 3, 32, 32), (1, 3, 57, 41), (1, 1, 28, 28)])
def test_features_and_logits_equal_torch_fidelity(weights, shape):
    theirs = extractors.FeatureExtractorInceptionV3("theirs", ["2048", "logits_unbiased"], weights)
    x = images(*shape)
    state = torch.get_rng_state()
    ours = Inception(weights)(x)
    assert torch.equal(torch.get_rng_state(), state)
    for own, expected in zip(ours, theirs(to_bytes(x).expand(-1, 3, -1, -1))):
        assert expected.abs().max() > 0.1
        assert torch.allclose(own.float(), expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max()))


def test_bytes_are_rounded_and_clamped():
    x = torch.tensor([-7.0, -1.0, -0.01, 0.0, 0.4 / 127.5, 0.6 / 127.5, 1.0, 1.01])
    assert to_bytes(x).tolist() == [0, 0, 126, 128, 128, 128, 255, 255]


@pytest.mark.parametrize("size", [(8, 8), (33, 47), (299, 299), (400, 310)])
def test_the_bicubic_resizer_is_that_of_clean_fid(size):
    build = pytest.importorskip("cleanfid.resize").build_resizer
    x = to_bytes(images(2, 3, *size))
    theirs = build("clean")
    expected = np.stack([theirs(image.permute(1, 2, 0).numpy()) for image in x])
    assert np.allclose(clean(x).permute(0, 2, 3, 1), expected, atol=1e-4)


def test_the_bicubic_resizer_by_pil():
    x = to_bytes(images(1, 1, 33, 47))
    whole = Image.fromarray(x[0, 0].numpy().astype(np.float32))
    expected = np.asarray(whole.resize((299, 299), Image.Resampling.BICUBIC))
    assert np.array_equal(clean(x)[0, 0], expected.clip(0, 255))
    # bytes would be rounded, and no antialiasing would see every other pixel only
    lines = torch.zeros(1, 1, 598, 598, dtype=torch.uint8)
    lines[..., ::2] = 200
    assert torch.allclose(clean(lines)[..., 5:-5, 5:-5], torch.tensor(100.0), atol=1)
    assert set(RESIZERS["torch-fidelity"](lines)[0, 0, 0, 5:-5].tolist()) == {200.0}


def test_the_resizer_and_the_weights_are_in_passport_and_key(weights):
    one, two = Inception(weights), Inception(weights, "clean")
    assert (one.passport["resize"], two.passport["resize"]) == ("torch-fidelity", "clean")
    assert one.key != two.key
    assert one.passport["weights"][:8] in weights
    x = images(1, 3, 20, 20)
    assert not torch.allclose(one(x)[0], two(x)[0], rtol=1e-3)


def test_scores_of_folders(weights, tmp_path, monkeypatch):
    monkeypatch.setenv("STEADYGAN_CACHE", str(tmp_path))
    np.savez(tmp_path / "images.npz", to_bytes(images(6, 3, 20, 20)).permute(0, 2, 3, 1).numpy())
    data = Pictures(tmp_path / "images.npz")
    given = {"samples": 6, "features": "inception", "weights": weights}
    fid, score = FID(data, **given), InceptionScore(data, **given)
    assert fid.network is score.network
    x = data.examples("train")[0]
    fid.update(x)
    score.update(x)
    assert fid.compute()["fid"] == pytest.approx(0, abs=1e-6)
    assert 1 <= score.compute()["is"] <= 6


def test_weights_that_are_missing_damaged_or_wrong(weights, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert standard_place() == tmp_path / "hub" / "checkpoints" / FILE
    with pytest.raises(UserError, match=r"cannot be read.*\nFetch https://.*weights=PATH"):
        Inception()
    content = Path(weights).read_bytes()
    damaged = tmp_path / weights.rpartition("/")[2]
    damaged.write_bytes(content[:-1000])
    other = tmp_path / "weights.pth"
    other.write_bytes(content[:1000])
    for path in (damaged, other):
        with pytest.raises(UserError, match=r"(?s)damaged, or not the published weights.*Fetch it again"):
            Inception(str(path))
    torch.save({"fc.weight": torch.zeros(3)}, other)
    named = other.rename(tmp_path / f"w-{hashlib.sha256(other.read_bytes()).hexdigest()[:8]}.pth")
    with pytest.raises(UserError, match="do not fit"):
        Inception(str(named))
    with pytest.raises(UserError, match=r"resize=cleen.*\n.*Did you mean 'clean'"):
        Inception(weights, "cleen")
