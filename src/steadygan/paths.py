"""Where the configuration, the sweeps, the data and the cache live."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _shipped(installed: str, checkout: str) -> Path:
    """A folder that lies inside an installed wheel, or at the top of a checkout."""
    inside = _PACKAGE / installed
    return inside if inside.is_dir() else _PACKAGE.parents[1] / checkout


def conf_dir() -> Path:
    """The folder of the config groups."""
    return _shipped("_conf", "conf")


def sweeps_dir() -> Path:
    """The folder of the sweep files."""
    return _shipped("_sweeps", "sweeps")


def data_dir() -> Path:
    """The root of the data sets: ``STEADYGAN_DATA``, or ``data`` in the working directory."""
    return Path(os.environ.get("STEADYGAN_DATA") or "data").expanduser()


def cache_dir() -> Path:
    """What can be computed again (classifiers, reference statistics): ``STEADYGAN_CACHE`` or XDG's place."""
    named = os.environ.get("STEADYGAN_CACHE")
    if named:
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser() / "steadygan"
