"""Checks without torch, and so at once."""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from steadygan.common import paths
from steadygan.doctor.finding import BROKEN, MISSING, OK, Check, Finding

if TYPE_CHECKING:
    from packaging.requirements import Requirement

PYTHON = (3, 11)
ROOM = 2.0
"""GB that should be free: a run of the default networks takes 2 MB, a sweep over images some hundred."""

PACKAGE = "steadygan"
DIGITS = "digits and the mixtures need no files"


def python(version: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    """New enough for the code."""
    text = ".".join(map(str, version))
    if version[:2] < PYTHON:
        return Finding("Python", BROKEN, text, "make setup PYTHON=python3.12 (any from 3.11 on)")
    return Finding("Python", OK, f"{text}, {platform.system()} {platform.machine()}, {cores()} cores")


def cores() -> int:
    """Check the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def packages(required: list[str] | None = None) -> Iterator[Finding]:
    """Yield a finding for every requirement that is not met, or one for all."""
    from packaging.requirements import Requirement  # Hydra's and Lightning's own requirement

    wanted = [Requirement(text) for text in (metadata.requires(PACKAGE) if required is None else required) or []]
    wanted = [requirement for requirement in wanted if requirement.marker is None or requirement.marker.evaluate()]
    unmet = [finding for finding in map(_unmet, wanted) if finding]
    yield from unmet or [Finding("packages", OK, f"all {len(wanted)} requirements are met")]


def _unmet(requirement: "Requirement") -> Finding | None:
    mend = f"{sys.executable} -m pip install '{requirement.name}{requirement.specifier}'"
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return Finding("packages", BROKEN, f"{requirement.name} is not installed", mend)
    if not requirement.specifier.contains(version, prereleases=True):
        return Finding("packages", BROKEN, f"{requirement.name} {version}, needed is {requirement.specifier}", mend)
    return None


def outputs(folder: Path) -> Finding:
    """Check the folder where runs are written."""
    problem = _unwritable(folder)
    if problem:
        return Finding("outputs", BROKEN, problem, "outputs=FOLDER with every command, or work in another folder")
    return _room("outputs", folder, "outputs=FOLDER on another disk")


def cache() -> Finding:
    """Check the cache of classifiers and reference statistics; without it every run computes them."""
    folder = paths.cache_dir()
    problem = _unwritable(folder)
    if problem:
        return Finding("cache", MISSING, f"{problem}: classifiers are trained again in every run", _EXPORT_CACHE)
    return _room("cache", folder, _EXPORT_CACHE)


_EXPORT_CACHE = "export STEADYGAN_CACHE=FOLDER"


def _unwritable(folder: Path) -> str:
    """Return why nothing can be written there, found by writing; empty if it can."""
    existing = _existing(folder)
    try:
        with tempfile.NamedTemporaryFile(dir=existing, prefix=".steadygan-doctor-"):
            return ""
    except OSError as error:
        return f"cannot write in {existing} ({error.strerror})"


def _room(name: str, folder: Path, mend: str) -> Finding:
    free = shutil.disk_usage(_existing(folder)).free / 1e9
    seen = f"{folder.absolute()}, {free:.1f} GB free"
    return Finding(name, OK, seen) if free >= ROOM else Finding(name, MISSING, f"{seen}, which is little", mend)


def _existing(folder: Path) -> Path:
    folder = folder.absolute()
    return next(path for path in [folder, *folder.parents] if path.exists())


def data_root() -> Finding:
    """Check the folder of the data sets that have files."""
    root, named = paths.data_dir(), os.environ.get("STEADYGAN_DATA")
    whence = "STEADYGAN_DATA" if named else "the folder data; STEADYGAN_DATA is not set"
    if not root.is_dir():
        return Finding("data", MISSING, f"no {root.absolute()} ({whence}); {DIGITS}", "export STEADYGAN_DATA=FOLDER")
    held = ", ".join(sorted(path.name for path in root.iterdir() if path.is_dir() and path.name[0] != "."))
    return Finding("data", OK, f"{root.absolute()} ({whence}) holds {held or 'nothing'}")


def classifiers() -> Finding:
    """Check the feature networks of the image metrics."""
    folder = paths.cache_dir() / "classifiers"
    kept = len(list(folder.glob("*.pt")))
    return Finding("feature networks", OK, f"small classifiers kept: {kept}; others are trained at first use, a minute")


def compiler() -> Finding:
    """Check for the C++ compiler that torch.compile and triton look for."""
    return _program("compiler", [os.environ.get("CXX", ""), "g++", "clang++", "c++"], "torch.compile", "g++")


def git() -> Finding:
    """Check for git; summaries hold the commit of a checkout."""
    return _program("git", ["git"], "the commit in a run's summary", "git")


def slurm() -> Finding:
    """Check for the commands of Slurm."""
    commands = ("sbatch", "squeue", "scancel", "sacct")
    absent = [name for name in commands if not shutil.which(name)]
    if absent:
        return Finding("Slurm", MISSING, f"no {', '.join(absent)}; only a cluster needs it", "log in to a submit node")
    return Finding("Slurm", OK, str(shutil.which("sbatch")))


def _program(name: str, candidates: list[str], needs: str, package: str) -> Finding:
    path = next((candidate for candidate in map(shutil.which, filter(None, candidates)) if candidate), None)
    if path:
        return Finding(name, OK, path)
    return Finding(name, MISSING, f"only {needs} needs it", f"apt-get install {package}")


def checks(folder: Path) -> dict[str, Check]:
    """Return all checks, for runs that are written below ``folder``."""
    return {
        "Python": python,
        "packages": packages,
        "outputs": partial(outputs, folder),
        "cache": cache,
        "data": data_root,
        "feature networks": classifiers,
        "compiler": compiler,
        "git": git,
        "Slurm": slurm,
    }
