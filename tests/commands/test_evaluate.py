"""``steadygan evaluate``: a run's own scores again, others, and any two sets of images."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torchmetrics.image.fid import _compute_fid

import steadygan
from steadygan import cli, train
from steadygan.data.digits import Digits
from steadygan.data.storage.frames import to_bytes
from steadygan.runs import files

TINY = ["logger=none", "batch_size=16", "iterations=6", "log_every=3", "evaluate_every=3", "network.width=8"]
FLAT = "{_target_: torch.nn.Flatten}"


@pytest.fixture(scope="module")
def run(compose, tmp_path_factory):
    given = [*TINY, "dataset=digits", "metrics.fid.samples=200", "metrics.inception_score.samples=100"]
    given.append(f"outputs={tmp_path_factory.mktemp('outputs')}")
    job = train.plan(compose(*given), given)
    assert train.execute(job, lambda event: None) == "completed"
    return job.directory


@pytest.fixture
def evaluate(capfd):
    """``evaluate(...)``: exit code, standard output and error."""

    def call(*args):
        capfd.readouterr()
        code = cli.main(["evaluate", *map(str, args)])
        return code, *capfd.readouterr()

    return call


def written(out):
    return json.loads(open(out.splitlines()[-1]).read())


def test_the_scores_of_the_run_to_the_bit(evaluate, run):
    code, out, err = evaluate(run)
    assert (code, err) == (0, "")
    summary = files.read_summary(run)
    said = written(out)
    assert said["metrics"] == {"ema": {name: value["final"] for name, value in summary["metrics"].items()}}
    assert (said["iteration"], said["signature"]) == (6, summary["signature"])
    assert said["provenance"]["fid"]["samples"] == 200
    assert f"fid {said['metrics']['ema']['fid']:.6g}".split() in [line.split() for line in out.splitlines()]


def test_other_settings_and_both_generators_beside_each_other(evaluate, run):
    before = evaluate(run)[1].splitlines()[-1]
    code, out, err = evaluate(run, "metrics=[fid,kid]", "metrics.kid.subset_size=50", "metrics.kid.samples=90", "--raw")
    assert (code, err) == (0, "")
    said = written(out)
    assert out.splitlines()[-1] != before
    assert set(said["metrics"]["ema"]) == {"fid", "kid", "kid_std"}
    assert said["settings"]["fid"]["samples"] == 200  # the run's own
    assert said["settings"]["kid"]["subset_size"] == 50
    assert said["metrics"]["raw"] != said["metrics"]["ema"]
    trained = steadygan.load(run)
    from steadygan.metrics.fid import FID

    assert said["metrics"]["raw"]["fid"] == trained.evaluate({"fid": FID(Digits(), samples=200)}, ema=False)["fid"]


def test_what_all_metrics_share(evaluate, run):
    code, out, err = evaluate(run, "metrics=[fid,kid]", "metrics.dtype=float64", "metrics.kid.subset_size=50",
                              "metrics.fid.dtype=float32")  # fmt: skip
    assert (code, err) == (0, "")
    assert {name: facts["dtype"] for name, facts in written(out)["provenance"].items()} == {
        "fid": "float32",
        "kid": "float64",
    }
    code, out, err = evaluate(run, "metrics=[fid]", "metrics.weights=/no/such/file", "metrics.features=inception")
    assert code == 2
    assert "/no/such/file: the weights of Inception cannot be read" in err
    assert evaluate(run, "metrics=[fid,kid]", "metrics.samples=7")[0] == 2


def test_statistics_go_out_and_come_back(evaluate, run, tmp_path):
    path = tmp_path / "digits.npz"
    first = written(evaluate(run, "metrics=[fid]", "--export", path)[1])
    with np.load(path) as stored:
        assert (stored["mu"].shape, stored["sigma"].shape, int(stored["count"])) == ((64,), (64, 64), 1437)
    again = written(evaluate(run, "metrics=[fid]", f"metrics.fid.statistics={path}")[1])
    assert again["metrics"] == first["metrics"]
    assert again["provenance"]["fid"]["statistics"]
    np.savez(tmp_path / "short.npz", mu=np.zeros(3), sigma=np.eye(3))
    path.write_bytes(path.read_bytes()[:5000])
    for broken, words in ((path, "cannot be read"), (tmp_path / "short.npz", "3 features"), (tmp_path / "no", "no")):
        code, _, err = evaluate(run, "metrics=[fid]", f"metrics.fid.statistics={broken}")
        assert code == 2
        assert str(broken) in err
        assert words in err


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["metrics=[fdi]"], "metrics=fdi: no such metric"),
        (["metrics.fid.sample=3"], "metrics.fid.sample=3: no such key"),
        (["metrics.kid.samples=3"], "kid is not among the metrics"),
        (["fid.samples=3"], "must be metrics="),
        (["metrics=[class_match]"], "metrics=class_match: needs networks that offer labels"),
        (["metrics=[]"], "nothing to be taken"),
    ],
)
def test_mistakes(evaluate, run, given, words):
    code, out, err = evaluate(run, *given)
    assert (code, out) == (2, "")
    assert words in err


# --- two sets of images ---------------------------------------------------------------------------------------------


def pictures(folder, images):
    folder.mkdir()
    for place, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{place:03d}.png")
    return folder


def sets():
    x = to_bytes(Digits().examples("train")[0])[:, 0].numpy()
    return x[:90], x[90:250]


FID = ["metrics=[fid]", f"metrics.fid.features={FLAT}"]


def by_hand(a, b):
    statistics = []
    for images in (a, b):
        x = torch.tensor(images.reshape(len(images), -1) / 127.5 - 1)
        statistics += [x.mean(0), x.mT.cov()]
    return float(_compute_fid(*statistics))


def test_folders_and_npz_by_hand(evaluate, tmp_path):
    a, b = sets()
    a, b = a[:, :4, :4], b[:, :4, :4]
    expected = pytest.approx(by_hand(a, b), rel=1e-5)
    np.savez(tmp_path / "b.npz", b)
    folders = pictures(tmp_path / "a", a), pictures(tmp_path / "b", b)
    for second in (folders[1], tmp_path / "b.npz"):
        out = tmp_path / "scores.json"
        code, shown, err = evaluate("--images", folders[0], second, *FID, "--out", out)
        assert (code, err) == (0, "")
        said = json.loads(out.read_text())
        assert said["metrics"]["fid"] == expected
        assert said["count"] == [90, 160]
        assert shown.split()[:2] == ["fid", f"{said['metrics']['fid']:.6g}"]
    evaluate("--images", folders[0], folders[1], *FID, "--export", tmp_path / "statistics.npz")
    evaluate("--images", folders[0], tmp_path / "statistics.npz", *FID, "--out", out)
    assert json.loads(out.read_text())["metrics"]["fid"] == expected


def test_more_samples_than_images_are_refused(evaluate, tmp_path):
    """Not scored as if there were so many: neither file nor number."""
    a, b = sets()
    folders = pictures(tmp_path / "a", a[:8]), pictures(tmp_path / "b", b[:20])
    for given, words in (
        (["metrics.fid.samples=50000"], f"metrics.fid.samples=50000: {folders[0]} has 8 images"),
        (["metrics.fid.samples=1e3"], "metrics.fid.samples=1000: "),
        (["metrics.fid.samples=abc"], "metrics.fid.samples=abc: must be a whole number"),
        (["metrics.fid.samples=null"], "must be a whole number"),
        (["metrics.fid.samples=.nan"], "must be a whole number"),
    ):
        code, out, err = evaluate("--images", *folders, *FID, *given, "--out", tmp_path / "out.json")
        assert (code, out) == (2, "")
        assert words in err
        assert "Traceback" not in err
    assert not (tmp_path / "out.json").exists()
    code, _, err = evaluate("--images", *folders, "metrics=[inception_score]", f"metrics.features={FLAT}",
                            "metrics.inception_score.splits=9")  # fmt: skip
    assert code == 2
    assert "metrics.inception_score.splits=9: more than the 8 samples" in err


def test_fewer_samples_than_images_are_of_all_classes(evaluate, tmp_path):
    """Files in the order of two classes: half of them score as all do, where the first half would be one class."""
    black, white = np.zeros((20, 4, 4), np.uint8), np.full((20, 4, 4), 255, np.uint8)
    folder = pictures(tmp_path / "a", np.concatenate([black, white]))
    out = tmp_path / "out.json"
    assert evaluate("--images", folder, folder, *FID, "metrics.fid.samples=20", "--out", out)[0] == 0
    said = json.loads(out.read_text())
    assert said["metrics"]["fid"] < 2  # 16 for one class: the squared distance of the means alone
    assert (said["provenance"]["fid"]["samples"], said["provenance"]["fid"]["sample_seed"]) == (20, 0)


def test_one_image_is_too_few(evaluate, tmp_path):
    a, b = sets()
    folders = pictures(tmp_path / "a", a[:1]), pictures(tmp_path / "b", b[:20])
    for pair in (folders, folders[::-1]):
        code, out, err = evaluate("--images", *pair, *FID)
        assert (code, out) == (2, "")
        assert err.strip().endswith(f"{folders[0]}: 1 image, and scores of sets of images need at least 2 in each")


def test_small_sets_have_a_kid_without_a_spread(evaluate, tmp_path):
    a, b = sets()
    folders = pictures(tmp_path / "a", a[:20]), pictures(tmp_path / "b", b[:20])
    out = tmp_path / "out.json"
    code, _, _ = evaluate("--images", *folders, "metrics=[kid]", f"metrics.features={FLAT}", "--out", out)
    said = json.loads(out.read_text())
    assert code == 0
    assert set(said["metrics"]) == {"kid"}
    assert {key: said["provenance"]["kid"][key] for key in ("samples", "subsets", "subset_size")} == {
        "samples": 20, "subsets": 1, "subset_size": 20}  # fmt: skip


def test_what_cannot_be_read_is_told(evaluate, tmp_path):
    a, _ = sets()
    folder = pictures(tmp_path / "a", a[:5])
    (folder / "notes.txt").write_text("no picture")
    (folder / "002.png").write_bytes((folder / "002.png").read_bytes()[:40])
    (folder / "003.png").write_bytes(b"text")
    code, _, err = evaluate("--images", folder, folder, *FID)
    assert code == 2
    assert "2 of 5 images cannot be read" in err
    assert "002.png" in err
    assert "003.png" in err
    (folder / "003.png").unlink()
    Image.fromarray(a[0].astype(np.float32)).save(folder / "002.tif")
    Image.fromarray(257 * a[2].astype(np.uint16)).save(folder / "002.png")
    code, _, err = evaluate("--images", folder, folder, *FID)
    assert code == 2
    assert "1 of 5 images cannot be read" in err
    assert "002.tif: floating-point pixels" in err
    mixed = pictures(tmp_path / "mixed", [a[0], a[1][:4]])
    code, _, err = evaluate("--images", mixed, mixed, *FID)
    assert code == 2
    assert "8 x 8" in err
    assert "4 x 8" in err
    (tmp_path / "empty").mkdir()
    assert "no images" in evaluate("--images", tmp_path / "empty", mixed)[2]
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04")
    assert "cannot be read as .npz" in evaluate("--images", tmp_path / "cut.npz", mixed)[2]
    np.savez(tmp_path / "floats.npz", np.zeros((2, 8, 8, 3)))
    assert "float64" in evaluate("--images", tmp_path / "floats.npz", mixed)[2]
    assert "neither a folder" in evaluate("--images", tmp_path / "no", mixed)[2]
    assert evaluate()[0] == 2


def test_weights_that_are_missing_are_told_once(evaluate, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = pictures(tmp_path / "a", sets()[0][:30])
    code, out, err = evaluate("--images", folder, folder)
    assert (code, out) == (2, "")
    assert err.count("https://github.com/toshas/torch-fidelity/releases") == 1
    assert "metrics.weights=PATH" in err
