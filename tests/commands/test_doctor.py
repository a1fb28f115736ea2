"""The doctor finds what is wrong, says what mends it, and does not get worse itself."""

import os
import subprocess
import sys
import time
from collections import namedtuple

import pytest
import yaml

from steadygan import cli
from steadygan.common.paths import conf_dir
from steadygan.doctor import libraries, machine
from steadygan.doctor.examine import examine
from steadygan.doctor.finding import BROKEN, MISSING, OK, Finding


def _timed(folder):
    """The exit code, the seconds until each finding, and the seconds of it all."""
    began = time.monotonic()
    seen = {}
    command = [sys.executable, "-m", "steadygan", "doctor"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            seen.setdefault(line[:17].strip(), time.monotonic() - began)
    return process.returncode, seen, time.monotonic() - began


def test_the_whole_of_it_in_under_ten_seconds_the_quick_part_at_once(tmp_path):
    code, seen, seconds = _timed(tmp_path)
    if seconds >= 10:  # the first time libraries may come from a cold disk
        code, seen, seconds = _timed(tmp_path)
    names = ["Python", "packages", "outputs", "cache", "data", "feature networks", "compiler", "git", "Slurm", "W&B",
             "torch", "GPU", "bfloat16"]  # fmt: skip
    assert code == 0
    assert [name for name in seen if name in names] == names
    assert seen["Slurm"] < 3, seen
    assert seconds < 10
    assert list(tmp_path.iterdir()) == [], "the doctor leaves nothing behind"


def test_the_quick_part_needs_no_torch():
    script = (
        "import sys\nfrom steadygan.doctor import machine\nfrom pathlib import Path\n"
        "for check in machine.checks(Path('outputs')).values(): check()\n"
        "assert not {'torch', 'numpy', 'wandb', 'hydra'} & set(sys.modules), 'slow'"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_an_old_python_is_broken():
    assert machine.python((3, 10, 4)).state == BROKEN
    assert machine.python((3, 11, 0)).state == OK
    assert "3.12" in machine.python((3, 9, 1)).mend


def test_requirements_that_are_not_met_are_named_with_the_line_that_installs_them(monkeypatch):
    versions = {"torch": "2.8.0", "numpy": "2.0.1", "beta": "3.0rc1"}

    def version(name):
        if name not in versions:
            raise machine.metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(machine.metadata, "version", version)
    required = ["torch>=2.9", "numpy>=2.0", "absent>=1,<2", "beta>=2", 'pytest>=8; extra == "dev"']
    found = list(machine.packages(required))
    assert [finding.seen for finding in found] == ["torch 2.8.0, needed is >=2.9", "absent is not installed"]
    assert {finding.state for finding in found} == {BROKEN}
    assert "-m pip install 'torch>=2.9'" in found[0].mend
    assert [finding.state for finding in machine.packages(required[1:2])] == [OK]


def test_a_place_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    found = machine.outputs(tmp_path / "file" / "outputs")
    assert (found.state, found.mend != "") == (BROKEN, True)
    monkeypatch.setenv("STEADYGAN_CACHE", str(tmp_path / "file" / "cache"))
    assert machine.cache().state == MISSING  # everything works without, only slower
    assert machine.outputs(tmp_path / "a" / "b").state == OK
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_full_disk_is_said(tmp_path, monkeypatch):
    Usage = namedtuple("Usage", "free")
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda path: Usage(5e8))
    found = machine.outputs(tmp_path)
    assert (found.state, "0.5 GB" in found.seen) == (MISSING, True)


def test_the_data_root(tmp_path, monkeypatch):
    monkeypatch.setenv("STEADYGAN_DATA", str(tmp_path / "none"))
    assert machine.data_root().state == MISSING
    (tmp_path / "some" / "MNIST").mkdir(parents=True)
    monkeypatch.setenv("STEADYGAN_DATA", str(tmp_path / "some"))
    assert machine.data_root().state == OK
    assert "holds MNIST" in machine.data_root().seen


def test_programs_are_looked_for_on_the_path(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    states = [machine.git(), machine.compiler(), machine.slurm()]
    assert [finding.state for finding in states] == [MISSING] * 3
    for name in ("git", "clang++", "sbatch", "squeue", "scancel", "sacct"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    states = [machine.git(), machine.compiler(), machine.slurm()]
    assert [finding.state for finding in states] == [OK] * 3
    assert states[1].seen == str(tmp_path / "clang++")


def test_data_sets_with_files_are_built_without_downloading(tmp_path, monkeypatch):
    monkeypatch.setenv("STEADYGAN_DATA", str(tmp_path))
    found = {finding.name: finding for finding in libraries.datasets()}
    nodes = {path.stem: yaml.safe_load(path.read_text()) for path in (conf_dir() / "dataset").glob("*.yaml")}
    with_files = [name for name, node in nodes.items() if node.get("root")]
    assert {"cifar10", "celeba", "lsun", "mnist"} <= set(with_files)
    assert set(found) == {"data formats", *(f"data: {name}" for name in with_files)}
    assert found["data: mnist"].state == MISSING
    assert "dataset=mnist dataset.root=FOLDER" in found["data: mnist"].mend
    assert list(tmp_path.iterdir()) == []


def test_images_are_found_and_not_decoded(tiny_data, tmp_path, monkeypatch):
    monkeypatch.setenv("STEADYGAN_DATA", str(tiny_data))
    monkeypatch.setenv("STEADYGAN_CACHE", str(tmp_path))
    found = {finding.name: finding.state for finding in libraries.datasets()}
    assert {found[f"data: {name}"] for name in ("cifar10", "celeba", "lsun")} == {OK}
    assert list(tmp_path.iterdir()) == []


def test_a_library_of_a_format_is_named(monkeypatch):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "lmdb" else find(name, *rest))
    entry = libraries.formats()
    assert (entry.state, entry.seen) == (MISSING, "no lmdb, for dataset=lsun")
    assert "steadygan[data]" in entry.mend


@pytest.mark.skipif("STEADYGAN_DATA" not in os.environ, reason="STEADYGAN_DATA names no data")
def test_data_sets_that_are_there_are_found():
    assert {finding.state for finding in libraries.datasets() if finding.name == "data: mnist"} == {OK}


def test_a_torch_that_does_not_import_is_broken(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    (found,) = libraries.torch()
    assert (found.state, "pip install" in found.mend) == (BROKEN, True)


def test_no_login_is_told_from_a_login(monkeypatch):
    from steadygan.loggers import service

    for answer, state in ((True, OK), (False, MISSING)):
        monkeypatch.setattr(service, "logged_in", lambda answer=answer: answer)
        assert libraries.wandb().state == state
    assert libraries.wandb().mend == "wandb login"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert (libraries.wandb().state, "WANDB_MODE" in libraries.wandb().seen) == (OK, True)


def _examined(monkeypatch, *findings):
    def broken_check():
        raise RuntimeError("no")

    monkeypatch.setattr(machine, "checks", lambda folder: {"here": lambda: iter(findings), "bad": broken_check})
    monkeypatch.setattr(libraries, "CHECKS", {"after": lambda: Finding("after", OK, "still looked at")})


def test_a_check_that_fails_is_a_finding_and_the_others_go_on(monkeypatch, tmp_path):
    _examined(monkeypatch, Finding("one", OK, ""), Finding("two", MISSING, ""))
    found = list(examine(tmp_path))
    assert [(f.name, f.state) for f in found] == [("one", OK), ("two", MISSING), ("bad", BROKEN), ("after", OK)]
    assert "RuntimeError: no" in found[2].seen


def test_only_what_is_broken_makes_the_exit_code_1(monkeypatch, capsys):
    monkeypatch.setattr(libraries, "CHECKS", {})
    for state, code in ((OK, 0), (MISSING, 0), (BROKEN, 1)):
        finding = Finding("thing", state, "seen", "mend it so")
        monkeypatch.setattr(machine, "checks", lambda folder, finding=finding: {"thing": lambda: finding})
        assert cli.main(["doctor"]) == code
        first, second = capsys.readouterr().out.splitlines()
        assert first.split() == ["thing", state, "seen"]
        assert second.split() == ["->", "mend", "it", "so"]
