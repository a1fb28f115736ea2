"""Means and covariances of features in the ``.npz`` files of pytorch-fid and clean-fid: ``mu`` and ``sigma``."""

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from steadygan.common.errors import UserError
from steadygan.metrics.base import Provenance
from steadygan.metrics.features.references import Gaussian
from steadygan.runs.files import write_atomically

ORIGIN = ("resize", "weights")
"""Keys of a feature network's provenance that decide whether its features are comparable."""

CLEAN_FID = {"clean": "clean", "legacy_pytorch": "pytorch-fid", "legacy_tensorflow": "torch-fidelity"}
"""Our name of each mode of clean-fid's, which stands in the names of its files: ``NAME_MODE_SPLIT_RESOLUTION.npz``."""


def save(path: Path, gaussian: Gaussian, origin: Provenance | None = None) -> None:
    """Write ``mu`` and ``sigma``, float64, and what both programs leave unread: ``count`` and ``origin``."""
    moments = {"mu": gaussian.mean.numpy(), "sigma": gaussian.cov.numpy(), "count": np.asarray(gaussian.number)}
    values = moments | {key: np.asarray(value) for key, value in (origin or {}).items()}
    try:
        write_atomically(path, lambda file: np.savez_compressed(file, allow_pickle=False, **values))
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from error


def load(path: Path, size: int) -> Gaussian:
    """Return the statistics of ``size`` features in a file; their number is 0 where it does not say it."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            mean, cov = (torch.from_numpy(stored[key].astype(np.float64)) for key in ("mu", "sigma"))
            count = int(stored["count"]) if "count" in stored else 0
    except KeyError as error:
        raise UserError(f"{path}: holds no statistics of features (mu and sigma)") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: cannot be read as statistics of features ({error})") from error
    if tuple(mean.shape) != (size,) or tuple(cov.shape) != (size, size):
        raise UserError(f"{path}: statistics of {len(mean)} features, where the feature network has {size}")
    if not bool(mean.isfinite().all() and cov.isfinite().all()):
        raise UserError(f"{path}: statistics that are not finite")
    return Gaussian(mean, cov, count)


def origin(path: Path) -> dict[str, str]:
    """Return of which resizer and weights the features of a readable file are, as far as it tells.

    Our own files say both. Of clean-fid's the name says the resizer. Those of pytorch-fid say nothing.
    """
    with np.load(path, allow_pickle=False) as stored:
        stated = {key: str(stored[key]) for key in ORIGIN if key in stored}
    mode = re.search(rf"_({'|'.join(CLEAN_FID)})_[a-z]+_(\d+|na)$", path.stem)
    return stated if mode is None else {"resize": CLEAN_FID[mode[1]], **stated}


def check_origin(path: Path, stated: Mapping[str, str], used: Provenance, node: str) -> None:
    """Refuse statistics of features that are not comparable with those of the network in use.

    ``stated`` is the file's ``origin``, ``used`` the provenance of the network, ``node`` the metric's name.
    """
    for key, value in stated.items():
        if key in used and used[key] != value:
            needed = f"metrics.{node}.{key}={value}" if key == "resize" else "the network that it was made with"
            raise UserError(f"{path}: statistics of features by {key}={value}, and {key}={used[key]} is in use: "
                            f"the distance would be one of {'resizers' if key == 'resize' else 'networks'}.\n"
                            f"Use {needed}, or make the file anew: steadygan evaluate ... --export")  # fmt: skip
