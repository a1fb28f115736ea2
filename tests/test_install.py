"""The wheel: what is in it, and that it works from an empty folder, far from any checkout."""

import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The path of the wheel, built with hatchling: the one installed here, or one that pip fetches."""
    folder = tmp_path_factory.mktemp("wheel")
    isolation = ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
    quick = ["--retries", "0", "--timeout", "10", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", *isolation, *quick, "-w", str(folder), str(ROOT)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        pytest.skip("building the wheel takes too long here")
    unavailable = ("Could not find a version", "No matching distribution", "No module named pip")
    if done.returncode and any(words in done.stderr for words in unavailable):
        pytest.skip("no hatchling here, and none can be fetched")
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory):
    """A folder with the wheel's files, as an installation has them."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def steadygan(site, tmp_path):
    """``steadygan("train", ...)`` of the wheel, in an empty folder; ``python=`` runs code there instead."""
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}

    def call(*args, python=None):
        command = ["-c", python] if python else ["-m", "steadygan", *args]
        return subprocess.run(
            [sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
        )

    return call


def test_all_of_conf_sweeps_and_source_is_in_the_wheel(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for source, target in (("conf", "steadygan/_conf"), ("sweeps", "steadygan/_sweeps"), ("src", "")):
        for path in (ROOT / source).rglob("*"):
            if path.is_file() and path.suffix in (".yaml", ".py", ".j2"):
                name = (Path(target) / path.relative_to(ROOT / source)).as_posix()
                assert name in names, f"{path.relative_to(ROOT)} is not in the wheel"


def test_nothing_else_is_in_the_wheel(wheel):
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"steadygan", "hydra_plugins"}
    assert "hydra_plugins/__init__.py" not in zipfile.ZipFile(wheel).namelist(), "Hydra's plugins are a namespace"


def test_the_entry_point(wheel):
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
    assert "steadygan = steadygan.cli:main" in archive.read(name).decode()


def test_the_wheel_is_what_is_imported_and_finds_its_own_configuration(steadygan, site):
    code = "import steadygan, steadygan.common.paths as p; print(steadygan.__file__, p.conf_dir(), p.sweeps_dir())"
    done = steadygan(python=code)
    assert done.stdout.split() == [str(site / "steadygan" / name) for name in ("__init__.py", "_conf", "_sweeps")], (
        done.stderr
    )


def test_the_sweeps_are_listed_from_an_empty_folder(steadygan):
    done = steadygan("sweep")
    assert done.returncode == 0, done.stderr
    for path in (ROOT / "sweeps").glob("*.yaml"):
        assert path.stem in done.stdout.split()


def test_configs_compose_from_an_empty_folder(steadygan, tmp_path):
    done = steadygan("train", "method=wgan_gp", "dataset=digits", "--cfg", "job", "--package", "regularizer")
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load(done.stdout)["gradient_penalty"]["weight"] == 10.0
    assert list(tmp_path.iterdir()) == []


def test_it_trains_from_an_empty_folder(steadygan, tmp_path):
    tiny = ["iterations=2", "batch_size=8", "log_every=1", "evaluate_every=2", "logger=none", "network.width=8"]
    done = steadygan("train", *tiny)
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "outputs").glob("runs/*/summary.json")
    summary = json.loads(path.read_text())
    assert (summary["status"], summary["iteration"], summary["git"]) == ("completed", 2, None)


def test_a_sweep_plans_from_an_empty_folder(steadygan):
    """Launcher and sweeper are found as plugins of the installed package."""
    done = steadygan("sweep", "stabilizers", "seed=0,1", "hydra.launcher.dry_run=true", "outputs=elsewhere")
    assert done.returncode == 0, done.stderr
    params = yaml.safe_load((ROOT / "sweeps" / "stabilizers.yaml").read_text())["hydra"]["sweeper"]["params"]
    methods = params["method"].split(",")
    assert done.stdout.startswith(f"{2 * len(methods)} jobs: {2 * len(methods)} to run")
    assert all(f"run  {method.strip()} seed=1 " in done.stdout for method in methods)
