"""Means and covariances of features in the ``.npz`` files of pytorch-fid and clean-fid: ``mu`` and ``sigma``."""

import zipfile
from pathlib import Path

import numpy as np
import torch

from steadygan.errors import UserError
from steadygan.files import write_atomically
from steadygan.metrics.features import Gaussian


def save(path: Path, gaussian: Gaussian) -> None:
    """Write ``mu`` and ``sigma``, float64, and ``count``, which both programs leave unread.

    Raises:
        UserError: it cannot be written.
    """
    values = {"mu": gaussian.mean.numpy(), "sigma": gaussian.cov.numpy(), "count": gaussian.count}
    try:
        write_atomically(path, lambda file: np.savez_compressed(file, **values))
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from error


def load(path: Path, size: int) -> Gaussian:
    """Read them; ``count`` is 0 where the file does not say it.

    Args:
        path: of the file.
        size: features that there must be.

    Raises:
        UserError: no such file, damaged, or of other features.
    """
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
