"""A sweep with a threshold from the command line to its report."""

import json
import os
import subprocess
import sys

import pandas as pd
import pytest
import yaml
from PIL import Image

from steadygan.common.paths import sweeps_dir

TINY = [
    *["network.latent=4", "network.width=8", "batch_size=16", "iterations=4", "log_every=2", "evaluate_every=4"],
    *["metrics.modes.samples=200", "metrics.modes.wasserstein_samples=50", "hydra.launcher.workers=1"],
]
RATES = ["optimizer.generator.lr=1e-3,2e-3", "optimizer.discriminator.lr=1e-3,1e30"]


def test_the_grid_that_the_sweep_promises():
    sweep = yaml.safe_load((sweeps_dir() / "robustness.yaml").read_text())["hydra"]["sweeper"]
    grid = {key: values.strip().split(",") for key, values in sweep["params"].items()}
    sizes = {key: len(set(values)) for key, values in grid.items()}
    assert (sizes, set(grid["dataset"]), sweep["threshold"].keys()) == (
        {
            "method": 10,
            "dataset": 2,
            "optimizer.generator.lr": 8,
            "optimizer.discriminator.lr": 8,
            "optimizer.discriminator.beta1": 2,
        },
        {"ring", "grid"},
        {"modes", "high_quality"},
    )


def steadygan(folder, *arguments):
    environment = {**os.environ, "COLUMNS": "200"}
    command = [sys.executable, "-m", "steadygan", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_from_the_sweep_to_the_share(tmp_path):
    """With bounds that every finite run is within: what diverges is what does not train."""
    bounds = ["hydra.sweeper.threshold.modes=0", "hydra.sweeper.threshold.high_quality=0"]
    said = steadygan(tmp_path, "sweep", "robustness", "--quick", "method=r1", *RATES, *TINY, *bounds)
    assert "8 jobs: 8 to run" in said
    assert "populations: 1 of 8" in said
    root = tmp_path / "outputs" / "robustness-quick"
    about = yaml.safe_load((root / "sweep.yaml").read_text())
    assert about["threshold"] == {"modes": 0, "high_quality": 0}
    for path in root.glob("*/config.yaml"):
        config = yaml.safe_load(path.read_text())
        assert config["optimizer"]["generator"]["beta1"] == config["optimizer"]["discriminator"]["beta1"]
        assert "hydra" not in config
        summary = json.loads((path.parent / "summary.json").read_text())
        assert summary["provenance"]["modes"]["most"] == {"modes": 8, "high_quality": 1}
        assert not (path.parent / "checkpoints").exists()
    said = steadygan(tmp_path, "report", str(root))
    frame = pd.read_csv(root / "report" / "results.csv")
    assert len(frame) == 8
    assert (frame["trains"] == (frame["status"] == "completed")).all()
    assert (frame["trains"] == (frame["optimizer.discriminator.lr"] < 1)).all()
    assert "4 of 8, 50 %; 95 % interval 16 % to 84 %" in " ".join(said.split())
    page = (root / "report" / "index.html").read_text()
    assert 'id="trains"' in page
    with Image.open(root / "report" / "plots" / "trains_map_0_r1.png") as picture:
        assert len(picture.convert("L").getcolors()) > 4
