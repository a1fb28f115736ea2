"""Scores and files of other programs: torch-fidelity from the same pictures, statistics of pytorch-fid, clean-fid."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from steadygan import cli
from steadygan.metrics.features import statistics
from steadygan.metrics.features.references import Gaussian
from steadygan.metrics.inception_score import score_of_logits


def pictures(folder, count, seed, spread=255, size=(40, 37)):
    """Smooth noise in colours, about grey."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    for place in range(count):
        coarse = rng.integers(128 - spread // 2, 128 + spread // 2, (5, 5, 3)).astype(np.uint8)
        Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(folder / f"{place}.png")
    return folder


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Eight pictures each, those of the second fainter."""
    monkeypatch.setenv("STEADYGAN_CACHE", str(tmp_path / "cache"))
    return pictures(tmp_path / "a", 8, 1), pictures(tmp_path / "b", 8, 2, spread=200)


def by_ours(folders, weights, *keys):
    """What ``steadygan evaluate --images`` writes."""
    out = folders[0].parent / "out.json"
    given = [*map(str, folders), *keys, f"metrics.weights={weights}", "--out", str(out)]
    assert cli.main(["evaluate", "--images", *given]) == 0
    said = json.loads(out.read_text())
    assert all(facts["weights"][:8] in weights for facts in said["provenance"].values())
    return said["metrics"]


def by_torch_fidelity(folders, weights, **wanted):
    theirs = pytest.importorskip("torch_fidelity").calculate_metrics
    wanted |= {
        "input1": str(folders[0]),
        "input2": str(folders[1]),
        "samples_shuffle": False,
        "feature_layer_prc": "2048",
    }
    wanted |= {"feature_extractor": "inception-v3-compat", "feature_extractor_weights_path": weights}
    return theirs(**wanted, cuda=False, verbose=False, cache=False)


def test_scores_of_folders_equal_those_of_torch_fidelity(folders, weights):
    """From files of an odd size to numbers; the one subset of KID is all there is."""
    ours = by_ours(folders, weights, "metrics=[inception_score,kid,precision_recall]", "metrics.kid.subsets=1")
    wanted = {"isc": True, "isc_splits": 1, "kid": True, "kid_subsets": 1, "kid_subset_size": 8, "prc": True}
    theirs = by_torch_fidelity(folders, weights, **wanted)
    assert ours["is"] > 1.001
    assert ours["is"] == pytest.approx(theirs["inception_score_mean"], rel=1e-4)
    # theirs is in float32, a difference of kernels that are near 1
    assert ours["kid"] == pytest.approx(theirs["kernel_inception_distance_mean"], abs=5e-7)
    assert ours["kid"] > 1e-3
    assert (ours["precision"], ours["recall"]) == pytest.approx((theirs["precision"], theirs["recall"]))


@pytest.mark.soak
def test_the_fid_of_folders_equals_that_of_torch_fidelity(folders, weights):
    ours = by_ours(folders, weights, "metrics=[fid]")
    theirs = by_torch_fidelity(folders, weights, fid=True)
    assert ours["fid"] == pytest.approx(theirs["frechet_inception_distance"], rel=1e-4)


def test_the_inception_score_equals_that_of_torch_fidelity():
    theirs = pytest.importorskip("torch_fidelity.metric_isc").isc_features_to_metric
    logits = 3 * torch.randn(101, 12, generator=torch.Generator().manual_seed(0))
    for splits in (1, 4, 10):
        expected = theirs(logits, splits=splits)["inception_score_mean"]
        assert score_of_logits(logits, splits) == pytest.approx(expected, rel=1e-9)


# --- files of statistics --------------------------------------------------------------------------------------------


@pytest.fixture
def found():
    x = torch.randn(300, 2048, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return Gaussian(x.mean(0), x.mT.cov(), 300)


def test_pytorch_fid_reads_what_is_exported(tmp_path, found):
    theirs = pytest.importorskip("pytorch_fid.fid_score")
    statistics.save(tmp_path / "own.npz", found)
    mean, cov = theirs.compute_statistics_of_path(str(tmp_path / "own.npz"), None, 1, 2048, "cpu")
    assert np.array_equal(mean, found.mean)
    assert np.array_equal(cov, found.cov)


def test_clean_fid_reads_what_is_exported(tmp_path, monkeypatch, found):
    theirs = pytest.importorskip("cleanfid.features")
    path = tmp_path / "digits_clean_train_32.npz"  # the name that it builds from data, mode, split and resolution
    statistics.save(path, found)
    monkeypatch.setattr(theirs, "check_download_url", lambda local_folder, url: tmp_path / url.rpartition("/")[2])
    mean, cov = theirs.get_reference_statistics("digits", 32, split="train")
    assert np.array_equal(mean, found.mean)
    assert np.array_equal(cov, found.cov)


def test_what_pytorch_fid_writes_is_read(tmp_path, monkeypatch):
    theirs = pytest.importorskip("pytorch_fid.fid_score")

    class Pixels(nn.Module):
        BLOCK_INDEX_BY_DIM = theirs.InceptionV3.BLOCK_INDEX_BY_DIM

        def __init__(self, blocks):
            super().__init__()

        def forward(self, x):
            return [x[:, :, :8, :8].flatten(1)[:, :64, None, None]]

    monkeypatch.setattr(theirs, "InceptionV3", Pixels)
    folder = pictures(tmp_path / "a", 9, 3)
    theirs.save_fid_stats([str(folder), str(tmp_path / "their.npz")], 4, "cpu", 64, num_workers=0)
    found = statistics.load(tmp_path / "their.npz", 64)
    rows = [np.asarray(Image.open(path)).transpose(2, 0, 1)[:, :8, :8] / 255 for path in sorted(folder.iterdir())]
    x = np.stack(rows).reshape(9, -1)[:, :64]
    assert np.allclose(found.mean, x.mean(0), atol=1e-6)
    assert np.allclose(found.cov, np.cov(x.T), atol=1e-6)
    assert found.number == 0


def test_a_folder_against_its_own_statistics_of_pytorch_fid_is_at_no_distance(
    folders, weights, tmp_path, monkeypatch, caplog
):
    """From files of an odd size through their network and ours, of the same weights."""
    theirs = pytest.importorskip("pytorch_fid.fid_score")
    state = torch.load(weights, weights_only=True)
    monkeypatch.setattr("pytorch_fid.inception.load_state_dict_from_url", lambda url, progress: state)
    theirs.save_fid_stats([str(folders[0]), str(tmp_path / "their.npz")], 8, "cpu", 2048, num_workers=0)
    pair, keys = (folders[0], tmp_path / "their.npz"), ["metrics=[fid]", "metrics.fid.resize=pytorch-fid"]
    assert by_ours(pair, weights, *keys)["fid"] < 1e-3 * by_ours(pair, weights, "metrics=[fid]")["fid"]
    assert "their.npz: does not say how its images were resized" in caplog.text


def test_statistics_of_another_resizer_are_refused(folders, weights, tmp_path, capfd):
    """By what our own files say, and by the names of clean-fid's."""
    asked = ["metrics=[fid]", f"metrics.weights={weights}"]
    own = tmp_path / "own.npz"
    given = ["evaluate", "--images", *map(str, folders), *asked, "metrics.fid.resize=clean", "--export", str(own)]
    assert cli.main(given) == 0
    with np.load(own) as stored:
        assert (str(stored["resize"]), len(str(stored["weights"]))) == ("clean", 16)
        their = {key: stored[key] for key in ("mu", "sigma")}
    names = {own: "clean"}
    for mode, resize in (
        ("clean", "clean"),
        ("legacy_pytorch", "pytorch-fid"),
        ("legacy_tensorflow", "torch-fidelity"),
    ):
        names[tmp_path / f"mine_{mode}_custom_na.npz"] = resize
        np.savez(tmp_path / f"mine_{mode}_custom_na.npz", **their)
    for path, resize in names.items():
        other = "clean" if resize != "clean" else "torch-fidelity"
        capfd.readouterr()
        given = ["evaluate", "--images", str(folders[0]), str(path), *asked]
        assert cli.main([*given, f"metrics.fid.resize={other}"]) == 2
        said = capfd.readouterr().err
        assert f"{path}: statistics of features by resize={resize}, and resize={other} is in use" in said
    assert cli.main(["evaluate", "--images", str(folders[0]), str(own), *asked, "metrics.fid.resize=clean"]) == 0


def test_what_clean_fid_writes_is_read(tmp_path, monkeypatch):
    cleanfid = pytest.importorskip("cleanfid")
    theirs = pytest.importorskip("cleanfid.fid")
    x = np.random.default_rng(4).standard_normal((30, 12)).astype(np.float32)
    monkeypatch.setattr(cleanfid, "__file__", str(tmp_path / "cleanfid.py"))
    monkeypatch.setattr(theirs, "build_feature_extractor", lambda mode, device: None)
    monkeypatch.setattr(theirs, "get_folder_features", lambda *given, **more: x)
    theirs.make_custom_stats("mine", "folder", device="cpu")
    found = statistics.load(tmp_path / "stats" / "mine_clean_custom_na.npz", 12)
    assert np.allclose(found.mean, x.mean(0), rtol=1e-6)
    assert np.allclose(found.cov, np.cov(x.T), rtol=1e-5)
