"""Inception with random weights against torch-fidelity's extractor; resizers against the references."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from steadygan.common.errors import UserError
from steadygan.data.pictures import Pictures
from steadygan.data.storage.frames import to_bytes
from steadygan.metrics.features.inception import FILE, Inception, standard_place
from steadygan.metrics.features.resizers import RESIZERS, clean
from steadygan.metrics.fid import FID
from steadygan.metrics.inception_score import InceptionScore

extractors = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")


def images(*shape, seed=0):
    x = torch.rand(*shape, generator=torch.Generator().manual_seed(seed))
    return 2 * nn.functional.avg_pool2d(x, 3, 1, 1) - 1


@pytest.fixture(scope="module")
def theirs(weights):
    return extractors.FeatureExtractorInceptionV3("theirs", ["2048", "logits_unbiased"], weights)


@pytest.mark.parametrize("shape", [(2, 3, 32, 32), (1, 3, 57, 41), (1, 1, 28, 28)])
def test_features_and_logits_equal_torch_fidelity(weights, theirs, shape):
    x = images(*shape)
    state = torch.get_rng_state()
    ours = Inception(weights)(x)
    assert torch.equal(torch.get_rng_state(), state)
    for own, expected in zip(ours, theirs(to_bytes(x).expand(-1, 3, -1, -1))):
        assert expected.abs().max() > 0.1
        assert torch.allclose(own.float(), expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max()))


def test_features_equal_those_of_pytorch_fid(weights, monkeypatch):
    """Another implementation of the network, with the same weights and what it takes for input made the same."""
    theirs = pytest.importorskip("pytorch_fid.inception")
    monkeypatch.setattr(theirs, "load_state_dict_from_url", lambda url, progress: torch.load(weights))
    x = images(1, 3, 299, 299)
    network = theirs.InceptionV3([3], resize_input=False).eval()
    expected = network((to_bytes(x).float() - 128) / 256 + 0.5)[0].flatten(1)
    found = Inception(weights)(x)[0].float()
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max()))


def test_few_images_cost_a_small_block_and_have_the_features_of_many(weights):
    network, x = Inception(weights), images(3, 3, 20, 20)
    passed, outputs = [], network.outputs
    network.outputs = lambda given: passed.append(len(given)) or outputs(given)
    together = network(x)[0]
    assert passed == [network.block]
    assert network.block <= 50
    assert torch.equal(network(x[1:])[0], together[1:])


def test_bytes_are_rounded_and_clamped():
    x = torch.tensor([-7.0, -1.0, -0.01, 0.0, 0.4 / 127.5, 0.6 / 127.5, 1.0, 1.01])
    assert to_bytes(x).tolist() == [0, 0, 126, 128, 128, 128, 255, 255]


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (33, 47), (299, 299), (400, 310)])
def test_the_bilinear_resizer_is_that_of_torch_fidelity(size):
    theirs = pytest.importorskip("torch_fidelity.interpolate_compat_tensorflow")
    x = torch.randint(0, 256, (2, 3, *size), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    expected = theirs.interpolate_bilinear_2d_like_tensorflow1x(x.float(), (299, 299), align_corners=False)
    for dtype in (torch.float32, torch.bfloat16):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype is torch.bfloat16):
            assert torch.allclose(RESIZERS["torch-fidelity"](x), expected, atol=1e-4, rtol=0)


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


def test_the_resizer_and_the_weights_are_in_provenance_and_key(weights):
    one, two = Inception(weights), Inception(weights, "clean")
    assert (one.provenance["resize"], two.provenance["resize"]) == ("torch-fidelity", "clean")
    assert one.key != two.key
    assert one.provenance["weights"][:8] in weights
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
