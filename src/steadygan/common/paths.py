"""Where the configuration, the sweeps, the data and the cache live."""

import os
from pathlib import Path

from steadygan.common.errors import UserError

_PACKAGE = Path(__file__).resolve().parents[1]


def _shipped(installed: str, checkout: str) -> Path:
    """Return a folder that lies inside an installed wheel, or at the top of a checkout."""
    inside = _PACKAGE / installed
    return inside if inside.is_dir() else _PACKAGE.parents[1] / checkout


def conf_dir() -> Path:
    """Return the folder of the config groups."""
    return _shipped("_conf", "conf")


def sweeps_dir() -> Path:
    """Return the folder of the sweep files."""
    return _shipped("_sweeps", "sweeps")


def expanded(key: str, text: str) -> Path:
    """A path in which ``~`` means the user's home."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UserError(f"{key}={text}: there is no such home folder") from error


def data_dir() -> Path:
    """Return the root of the data sets: ``STEADYGAN_DATA``, or ``data`` in the working directory."""
    return expanded("STEADYGAN_DATA", os.environ.get("STEADYGAN_DATA") or "data")


def cache_dir() -> Path:
    """Return the folder for what can be computed again (classifiers, statistics): ``STEADYGAN_CACHE`` or XDG's."""
    named = os.environ.get("STEADYGAN_CACHE")
    if named:
        return expanded("STEADYGAN_CACHE", named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser() / "steadygan"
