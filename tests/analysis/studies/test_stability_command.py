"""``steadygan stability RUN``: what a user reads, and what is said when it cannot be."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from steadygan import cli
from steadygan.analysis.studies.stability.verdict import VERDICTS
from steadygan.runs import files

NETS = ["network.width=5", "network.depth=3", "network.latent=2", "network.activation=tanh"]
TINY = [*NETS, "batch_size=32", "iterations=20", "checkpoint_every=10", "log_every=10", "evaluate_every=20"]
TINY += ["logger=none", "metrics=[]", "regularizer=[r1]"]


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    root = tmp_path_factory.mktemp("outputs")
    assert cli.main(["train", *TINY, f"outputs={root}"]) == 0
    return next((root / "runs").iterdir())


def stability(directory, *keys, name="stability"):
    assert cli.main(["stability", str(directory), "size=64", "points=5", "count=3", *keys]) == 0
    assert (directory / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    return json.loads((directory / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def whole(directory):
    return stability(directory)


def test_the_files(directory, whole, capfd):
    found = stability(directory)
    assert found == whole  # the same draws each time
    assert found["verdict"] in VERDICTS
    assert f"{found['verdict']} (iteration 20)" in capfd.readouterr().out
    idle = found["zero_modes"]["idle"]
    assert len(found["eigenvalues"]) == len(found["residuals"]) == found["parameters"] - idle
    assert max(found["residuals"]) < 1e-9
    values = np.array(found["eigenvalues"])
    assert found["spectral_abscissa"] == values[:, 0].max() == found["largest_real"][0]
    assert abs(found["largest_imaginary"][1]) == np.abs(values[:, 1]).max()
    assert found["field_norm"] > 0
    assert found["field_norm_initial"] > 0
    assert found["spectral_radius"] >= found["spectral_radius_moving"] > 0.9
    assert 0 < found["rotation"]["antisymmetric"] < 1
    assert len(found["path"]["alpha"]) == len(found["path"]["angle"])
    assert "spectral norms" in found["held"]


def test_matrix_free_and_dense_agree(directory, whole):
    some = stability(directory, "dense=false", "budget=150")
    assert whole["all_eigenvalues"]
    assert not some["all_eigenvalues"]
    for key in ("largest_real", "largest_modulus"):
        assert some[key] == pytest.approx(whole[key], abs=1e-6)
    assert abs(some["largest_imaginary"][1]) == pytest.approx(abs(whole["largest_imaginary"][1]), abs=1e-6)
    assert some["spectral_radius"] == pytest.approx(whole["spectral_radius"], abs=1e-6)
    assert some["rotation"]["antisymmetric"] == pytest.approx(whole["rotation"]["antisymmetric"], abs=0.2)
    assert some["field_norm"] == whole["field_norm"]
    known = np.array(whole["eigenvalues"]) @ [1, 1j]
    for value, residual in zip(np.array(some["eigenvalues"]) @ [1, 1j], some["residuals"]):
        if residual < 1e-8:
            assert np.abs(known - value).min() < 1e-6


def test_other_checkpoints_have_files_of_their_own(directory):
    early = stability(directory, "checkpoint=10", "path=last", name="stability-0000010")
    assert early["iteration"] == 10
    way = early["path"]
    saved = [torch.load(directory / files.CHECKPOINTS / name, weights_only=True)["state_dict"]
             for name in ("0000010.ckpt", "last.ckpt")]  # fmt: skip
    moved = [(saved[1][name] - saved[0][name]).double().square().sum() for name in saved[0] if "ema" not in name]
    assert way["length"] == pytest.approx(float(torch.stack(moved).sum().sqrt()), rel=1e-6)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (["sise=3"], ["sise=3", "Did you mean 'size'?"]),
        (["size=-1"], ["size=-1: must be a whole number of at least 0"]),
        (["dense=maybe"], ["dense=maybe", "auto, false, true"]),
        (["checkpoint=15"], ["checkpoint=15", "Checkpoints: 0000010, last"]),
        (["path=15"], ["path=15", "Checkpoints: 0000010, last"]),
        (["count"], ["KEY=VALUE"]),
        (["turns=x"], ["turns=x: must be a number"]),
    ],
)
def test_mistakes(directory, keys, words, capfd):
    assert cli.main(["stability", str(directory), *keys]) == 2
    reported = capfd.readouterr().err
    assert all(word in reported for word in words), reported


def test_a_checkpoint_may_be_named_by_its_file(directory, capfd):
    file = directory / files.CHECKPOINTS / "0000010.ckpt"
    assert cli.main(["stability", str(file), "size=64", "points=5", "count=3", "path=last"]) == 0
    assert json.loads((directory / "stability-0000010.json").read_text())["path"]["length"] > 0
    assert cli.main(["stability", str(file), "checkpoint=10"]) == 2
    assert "is a checkpoint already" in capfd.readouterr().err


def test_what_is_no_run(tmp_path, directory, capfd):
    assert cli.main(["stability", str(tmp_path)]) == 2
    assert "not a run folder" in capfd.readouterr().err
    assert cli.main(["stability", str(tmp_path), "checkpoint=5"]) == 2
    assert "not a run folder" in capfd.readouterr().err
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / files.CONFIG).write_text((directory / files.CONFIG).read_text())
    assert cli.main(["stability", str(bare)]) == 2
    assert "there is no checkpoint" in capfd.readouterr().err


def test_a_diverged_run(tmp_path, directory, capfd):
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    (run / files.CONFIG).write_text((directory / files.CONFIG).read_text())
    reported = json.loads((directory / files.SUMMARY).read_text())
    (run / files.SUMMARY).write_text(json.dumps({**reported, "status": "diverged", "diverged_at": 21}))
    saved = torch.load(directory / files.CHECKPOINT, weights_only=True)
    saved["state_dict"]["generator.layers.0.weight"][0, 0] = float("nan")
    torch.save(saved, run / files.CHECKPOINT)
    assert cli.main(["stability", str(run), "size=16"]) == 2
    assert "it diverged in iteration 21" in capfd.readouterr().err
    assert not (run / "stability.json").exists()


def test_ctrl_c_leaves_nothing_behind(directory, tmp_path, monkeypatch, capfd):
    from steadygan.analysis.studies.stability import spectra

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(spectra, "of_field", interrupted)
    before = sorted(path.name for path in directory.iterdir())
    assert cli.main(["stability", str(directory), "size=16"]) == 130
    assert "nothing was written" in capfd.readouterr().err
    assert sorted(path.name for path in directory.iterdir()) == before


def test_help_needs_no_torch():
    script = (
        "import sys, steadygan.cli as cli\n"
        "cli.main(['stability', '--help']), cli.main(['--help'])\n"
        "print(*sorted({'torch', 'numpy', 'scipy', 'hydra', 'matplotlib'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""
    for word in ("dense=auto", "checkpoint=last", "stability"):
        assert word in done.stdout
