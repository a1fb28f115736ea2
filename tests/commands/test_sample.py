"""``steadygan sample`` on real runs, read back from the files."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import steadygan
from steadygan import cli, train
from steadygan.data.digits import Digits
from steadygan.metrics.features.classifier import classifier_for
from steadygan.metrics.modes import high_quality_counts
from steadygan.pictures import bars, grid, levels
from steadygan.runs import files

TINY = ["logger=none", "batch_size=16", "iterations=9", "log_every=3", "evaluate_every=3", "network.width=8"]
ANY = ["animation.gif", "interpolation_linear.png", "interpolation_spherical.png"]
IMAGES = ["classes.png", "grid.png", "neighbours_features.png", "neighbours_pixels.png"]
CONDITIONAL = "classes_over_iterations.png"
NOISE = "noise_level.png"


@pytest.fixture(scope="module")
def trained(compose, tmp_path_factory):
    def call(*overrides):
        given = [*TINY, "metrics=[]", *overrides, f"outputs={tmp_path_factory.mktemp('outputs')}"]
        job = train.plan(compose(*given), given)
        assert train.execute(job, lambda event: None) == "completed"
        return job.directory

    return call


@pytest.fixture(scope="module")
def ring(trained):
    return trained()


@pytest.fixture(scope="module")
def digits(trained):
    return trained("dataset=digits")


@pytest.fixture
def sample(capfd):
    """``sample(...)``: exit code, standard output and error."""

    def call(*args):
        capfd.readouterr()
        code = cli.main(["sample", *map(str, args)])
        return code, *capfd.readouterr()

    return call


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def written(folder):
    return sorted(path.name for path in folder.iterdir())


def reported(out):
    """Files that were written, and those that were left out, as the command says."""
    lines = out.splitlines()
    there = [line.partition("  ")[0].rpartition("/")[2] for line in lines if not line.startswith("left out")]
    return sorted(there), {line.removeprefix("left out ").partition(":")[0] for line in lines if "left out" in line}


def test_pictures_of_images(sample, digits):
    code, out, err = sample(digits)
    assert (code, err) == (0, "")
    folder, trained = digits / "pictures", steadygan.load(digits)
    expected = sorted(ANY + IMAGES)
    assert written(folder) == expected
    assert reported(out) == (expected, {"samples.png", "histogram.png", "field.png", "modes.png", NOISE, CONDITIONAL})
    assert f"{folder / 'grid.png'}  64 samples\n" in out

    made = trained.sample(64, seed=0)
    assert np.array_equal(pixels(folder / "grid.png"), grid.grid(made))
    x = trained.dataset.examples("train")[0]
    distances = torch.cdist(made[:8].flatten(1).double(), x.flatten(1).double())
    by_hand = x[distances.argsort(1)[:, :5].flatten()]
    shown = pixels(folder / "neighbours_pixels.png")
    assert np.array_equal(shown[:, :36], grid.grid(made[:8], 1))
    assert np.array_equal(shown[:, 36:], grid.grid(by_hand, 5))

    features = classifier_for(trained.dataset)
    distances = torch.cdist(features(made[:8])[0], features(x)[0])
    shown = pixels(folder / "neighbours_features.png")
    assert np.array_equal(shown[:, 36:], grid.grid(x[distances.argsort(1)[:, :5].flatten()], 5))

    ends = trained.sample(16, seed=0)
    for name in ("linear", "spherical"):
        shown = pixels(folder / f"interpolation_{name}.png").astype(int)
        ways = trained.interpolate(8, 9, seed=0, between=name)
        assert np.array_equal(shown, grid.grid(ways.flatten(0, 1), 9))
        assert np.abs(shown[:, :36] - grid.grid(ends[:8], 1)).max() <= 1
        assert np.abs(shown[:, -36:] - grid.grid(ends[8:], 1)).max() <= 1

    pool = trained.sample(500)
    predicted = features(pool)[1].argmax(1)
    shown = pixels(folder / "classes.png")[:, 36:]
    for row in range(10):
        first = pool[predicted == row][:10]
        if len(first):
            strip = grid.grid(first, len(first))
            assert np.array_equal(shown[row * 34 : row * 34 + 36, : strip.shape[1] - 2], strip[:, :-2])
        assert (shown[row * 34 + 2 : row * 34 + 34, 2 + 34 * len(first) :] == 255).all()

    saved = sorted((digits / files.SAMPLES).iterdir())
    with Image.open(folder / "animation.gif") as gif:
        assert gif.n_frames == len(saved) == 3
        for index, path in enumerate(saved):
            gif.seek(index)
            assert np.array_equal(np.asarray(gif.convert("RGB"))[:274], pixels(path))


def test_a_class_without_an_example_is_told(sample, digits, tmp_path, monkeypatch):
    """Its place is white; the others keep theirs, and the picture is not given up."""
    monkeypatch.setenv("STEADYGAN_CACHE", str(tmp_path / "cache"))
    x, y = Digits().examples("train")
    monkeypatch.setattr(Digits, "examples", lambda self, split: (x[y != 3], y[y != 3]))
    code, out, err = sample(digits, "--out", tmp_path / "pictures")
    assert (code, "Traceback" in err) == (0, False)
    assert "a real example of each class (left, none of 3, of which the data have none)" in out
    shown = pixels(tmp_path / "pictures" / "classes.png")
    rows = (shown.shape[0] - grid.GAP) // 10
    left = [shown[label * rows + grid.GAP : (label + 1) * rows, grid.GAP : 32] for label in range(10)]
    assert [bool((cell == 255).all()) for cell in left] == [label == 3 for label in range(10)]


def test_pictures_of_points_in_the_plane(sample, ring, monkeypatch):
    drawn = {}
    monkeypatch.setattr(bars, "save", lambda path, axes: drawn.update({path.name: axes}))
    code, out, _ = sample(ring)
    folder, trained = ring / "pictures", steadygan.load(ring)
    assert code == 0
    assert reported(out)[0] == sorted([*ANY, "field.png", "modes.png", "samples.png"])
    assert reported(out)[1] == {"histogram.png", *IMAGES, NOISE, CONDITIONAL}
    assert written(folder) == sorted([*ANY, "field.png", "samples.png"])
    counts = high_quality_counts(trained.sample(2500), trained.dataset.centers, 3 * 0.02)
    assert [bar.get_height() for bar in drawn["modes.png"].patches] == counts.tolist()
    assert sample(ring, "--seed", 1)[0] == 0


def test_the_noise_level_over_the_run_is_that_of_its_rows(sample, trained, monkeypatch):
    rules = [
        f"optimizer@optimizer.{player}={rule}"
        for player, rule in (("discriminator", "sgld_cc"), ("generator", "ccadl"))
    ]
    run = trained(*rules, "dataset=mixture1d")
    drawn = {}
    monkeypatch.setattr(levels, "save", lambda path, axes: drawn.update({path.name: axes}))
    code, out, _ = sample(run)
    assert code == 0
    rows = files.read_rows(run / files.METRICS)
    lines = {line.get_label(): line.get_xydata().tolist() for line in drawn[NOISE].lines}
    expected = {
        player: [[int(row["iteration"]), float(row[f"rule/{player}/noise_level"])] for row in rows]
        for player in ("discriminator", "generator")
    }
    assert lines == expected
    assert len(rows) == 3
    first, last = (expected["discriminator"][place][1] for place in (0, -1))
    assert f"discriminator from {first:.3g} to {last:.3g}" in out


@pytest.mark.parametrize(
    ("overrides", "names"),
    [
        (["dataset=mixture1d"], ["histogram.png", "modes.png"]),
        (["dataset=circle"], ["field.png", "samples.png"]),
        (["method=sgld_cc"], ["field.png", "modes.png", NOISE, "samples.png"]),
        (["dataset=gaussian", "dataset.dim=5"], ["samples.png"]),
        (["dataset=gaussian", "dataset.dim=1"], ["histogram.png"]),
    ],
)
def test_other_data(sample, trained, overrides, names):
    run = trained(*overrides)
    code, out, _ = sample(run)
    assert code == 0
    assert reported(out)[0] == written(run / "pictures") == sorted(ANY + names)


def test_the_same_again_other_seeds_other_generators(sample, digits, tmp_path):
    def grids(name, *args):
        assert sample(digits, "--out", tmp_path / name, *args)[0] == 0
        return {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}

    first = grids("a")
    assert grids("b") == first
    for name, *args in (("c", "--seed", 1), ("d", "--raw")):
        other = grids(name, *args)
        assert {key for key in first if other[key] == first[key]} == {"animation.gif"}
    few = grids("e", "--count", 3)
    assert np.array_equal(pixels(tmp_path / "e" / "grid.png"), grid.grid(steadygan.load(digits).sample(3)))
    assert pixels(tmp_path / "e" / "neighbours_pixels.png").shape[0] == 3 * 34 + 2
    assert few["classes.png"] == first["classes.png"]
    raw = steadygan.load(digits).sample(64, ema=False)
    assert np.array_equal(pixels(tmp_path / "d" / "grid.png"), grid.grid(raw))


def without_pictures(run):
    shutil.rmtree(run / files.SAMPLES)


def not_finite(run):
    path = run / files.CHECKPOINT
    saved = torch.load(path, weights_only=True)
    for value in saved["state_dict"].values():
        value.fill_(torch.nan)
    torch.save(saved, path)


def test_what_a_run_cannot_give_is_left_out_with_a_word(sample, digits, ring, tmp_path):
    run = shutil.copytree(digits, tmp_path / "digits", ignore=shutil.ignore_patterns("pictures"))
    without_pictures(run)
    not_finite(run)
    code, out, _ = sample(run)
    assert code == 0
    assert "left out animation.gif: the run has saved no pictures" in out
    assert out.count("the samples are not finite") == 3
    assert written(run / "pictures") == ["grid.png", "interpolation_linear.png", "interpolation_spherical.png"]
    run = shutil.copytree(ring, tmp_path / "ring")
    not_finite(run)
    assert sample(run)[0] == 0


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--count", "4097"], ["count=4097", "4096"]),
        (["--count", "1000000000000"], ["4096"]),
        (["--count", "0"], ["--count"]),
        (["--count", "many"], ["--count"]),
        (["--seed", "x"], ["--seed"]),
    ],
)
def test_wrong_options_exit_2_and_write_nothing(sample, digits, tmp_path, args, words):
    code, out, err = sample(digits, "--out", tmp_path / "out", *args)
    assert (code, out) == (2, "")
    assert all(word in err for word in words), err
    assert not (tmp_path / "out").exists()


def test_too_many_points(sample, ring, tmp_path):
    code, out, err = sample(ring, "--out", tmp_path / "out", "--count", 100_001)
    assert (code, out) == (2, "")
    assert "count=100001" in err
    assert "100000" in err


def test_no_run_or_a_damaged_one_exits_2(sample, ring, tmp_path):
    run = shutil.copytree(ring, tmp_path / "run")
    (run / files.CHECKPOINT).write_bytes(b"PK nonsense")
    for args in ([run], [tmp_path], [tmp_path / "nowhere"], []):
        code, out, err = sample(*args)
        assert (code, out) == (2, "")
        assert "Traceback" not in err
    (tmp_path / "file").write_text("")
    code, _, err = sample(ring, "--out", tmp_path / "file")
    assert code == 2
    assert "file" in err
