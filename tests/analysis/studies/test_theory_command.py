"""``steadygan theory``: names, keys, files."""

import json
import math
import subprocess
import sys

import pytest

from steadygan import cli
from steadygan.commands.theory import STUDIES


def test_the_listing_and_the_help_need_no_torch():
    script = (
        "import sys, steadygan.cli as cli\n"
        "cli.main(['theory']), cli.main(['theory', '--help'])\n"
        "print(*sorted({'torch', 'numpy', 'hydra', 'matplotlib'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""
    assert all(name in done.stdout for name in (*STUDIES, "gamma=0.5", "samples=400"))


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["dirca"], ["theory=dirca", "Did you mean 'dirac'?"]),
        (["dirac", "gama=1"], ["gama=1", "Did you mean 'gamma'?"]),
        (["dirac", "gamma"], ["KEY=VALUE"]),
        (["dirac", "n_critic=1.5"], ["n_critic=1.5", "whole number"]),
        (["dirac", "step=0", "n_critic=0"], ["step=0", "n_critic=0: must be a whole number of at least 1"]),
        (["dirac", "gamma=nan"], ["gamma=nan: must be finite"]),
        (["distances", "bins=0"], ["bins=0", "at least 1"]),
        (["distances", "extent=-1"], ["extent=-1: must be finite and greater than 0"]),
    ],
)
def test_mistakes(args, words, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["theory", *args]) == 2
    reported = capfd.readouterr().err
    assert all(word in reported for word in words), reported
    assert list(tmp_path.iterdir()) == []


def test_distances(tmp_path):
    assert cli.main(["theory", "distances", f"outputs={tmp_path}", "count=5", "samples=200"]) == 0
    folder = tmp_path / "theory" / "distances"
    assert (folder / "distances.png").read_bytes().startswith(b"\x89PNG")
    records = json.loads((folder / "results.json").read_text())
    assert [record["theta"] for record in records] == [-1, -0.5, 0, 0.5, 1]
    for record in records:
        theta, own = record["theta"], record["estimated"]
        apart = theta != 0
        assert (record["tv"], record["em"]) == (float(apart), abs(theta))
        assert record["js"] == (math.log(2) if apart else 0)
        assert float(record["kl"]) == (math.inf if apart else 0)
        assert own["js"] == pytest.approx(math.log(2), rel=1e-9) if apart else own["js"] < 0.05
        assert own["em"] == pytest.approx(abs(theta), abs=0.1)
