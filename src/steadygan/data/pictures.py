"""Images from a folder or an ``.npz`` file, to be scored."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from steadygan.common.errors import UserError
from steadygan.data.sources.base import Payload
from steadygan.data.sources.folder import FolderSource, listed
from steadygan.data.sources.pixels import in_channels, opened
from steadygan.data.sources.walk import is_folder
from steadygan.data.storage.decoders import reason

GREY = ("1", "L", "LA", "La")
"""PIL's modes of grey pictures of 8 bits; those of more begin with ``I``."""

NAMED = 10
"""Broken pictures that a message names."""


class Pictures:
    """Images ``[C, H, W]`` in [-1, 1] without labels, the same for every split; grey where all of them are.

    A folder is read as it is read to be trained on (``FolderSource``), but that nothing is cropped or resized.

    Args:
        path: a folder, searched with all below it, or an ``.npz`` file whose first array is ``[N, H, W, C]`` or
            ``[N, H, W]`` of bytes, or such an array as ``.npy``.
    """

    num_classes = None

    def __init__(self, path: Path) -> None:
        images = _folder(path) if is_folder(path) else _npz(path)
        self._x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
        self.num_data, self.shape = len(images), tuple(self._x.shape[1:])

    def examples(self, split: str) -> tuple[Tensor, None]:
        """Return all images."""
        return self._x, None


def _folder(folder: Path) -> np.ndarray:
    read, broken = [], []
    for name, payload in FolderSource(folder).read(listed(folder)):
        try:
            read.append((name, _upright(payload)))
        except Exception as error:  # a damaged file shows itself by almost any exception
            broken.append(f"{name}: {reason(error)}")
    if broken:
        more = f"\n... and {len(broken) - NAMED} more" if len(broken) > NAMED else ""
        listing = "\n".join(broken[:NAMED])
        raise UserError(f"{len(broken)} of {len(broken) + len(read)} images cannot be read:\n{listing}{more}")
    sizes = {picture.size: name for name, picture in read}
    if len(sizes) > 1:
        examples = sorted(sizes.items())[:5]
        listing = "\n".join(f"{height} x {width}, such as {name}" for (width, height), name in examples)
        raise UserError(f"{folder}: images of {len(sizes)} sizes (height x width), which must be one:\n{listing}")
    grey = all(picture.mode == "L" for _, picture in read)
    images = np.stack([np.asarray(picture.convert("L" if grey else "RGB")) for _, picture in read])
    return images[..., None] if grey else images


def _upright(payload: Payload) -> Image.Image:
    """Return a picture as one trains on it, in one channel where it is grey."""
    if isinstance(payload, Exception):
        raise payload
    picture = opened(payload)
    return in_channels(picture, 1 if picture.mode in GREY or picture.mode.startswith("I") else 3)


def _npz(path: Path) -> np.ndarray:
    try:
        images = np.load(path, allow_pickle=False)
        if not isinstance(images, np.ndarray):
            with images as stored:
                images = stored[stored.files[0]]
    except FileNotFoundError as error:
        raise UserError(f"{path}: neither a folder of images nor an .npz file") from error
    except Exception as error:  # a damaged archive shows itself by almost any exception
        raise UserError(f"{path}: cannot be read as .npz or .npy ({reason(error)})") from error
    images = images[..., None] if images.ndim == 3 else images
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3) or not len(images):
        problem = f"holds {images.dtype} of the shape {list(images.shape)} in place of bytes [N, H, W, C]"
        raise UserError(f"{path}: {problem} with 1 or 3 channels")
    return images
