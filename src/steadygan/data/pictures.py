"""Images from a folder or an ``.npz`` file, to be scored."""

import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from steadygan.errors import UserError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


class Pictures:
    """Images ``[C, H, W]`` in [-1, 1] without labels, the same for every split; grey where all of them are.

    Args:
        place: a folder, searched with all below it, or an ``.npz`` file whose first array is ``[N, H, W, C]`` or
            ``[N, H, W]`` of bytes.

    Raises:
        UserError: there is none, one cannot be read, or they differ in size.
    """

    num_classes = None

    def __init__(self, place: Path) -> None:
        images = _folder(place) if place.is_dir() else _npz(place)
        self._x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
        self.num_data, self.shape = len(images), tuple(self._x.shape[1:])

    def examples(self, split: str) -> tuple[Tensor, None]:
        """All of them."""
        return self._x, None


def _folder(folder: Path) -> np.ndarray:
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not paths:
        raise UserError(f"{folder}: no images in it ({', '.join(SUFFIXES)})")
    images, broken = [], []
    for path in paths:
        try:
            images.append(_read(path))
        except Exception as error:  # a damaged file shows itself by almost any exception
            broken.append(f"{path} ({next(iter(str(error).splitlines()), type(error).__name__)})")
    if broken:
        raise UserError(f"{len(broken)} of {len(paths)} images cannot be read:\n" + "\n".join(broken[:10]))
    sizes = {image.shape[:2]: path for image, path in zip(images, paths)}
    if len(sizes) > 1:
        found = "\n".join(f"{height} x {width}, such as {path}" for (height, width), path in sorted(sizes.items())[:5])
        raise UserError(f"{folder}: images of {len(sizes)} sizes (height x width), which must be one:\n{found}")
    if len({image.shape[2] for image in images}) > 1:
        images = [image.repeat(3, 2) if image.shape[2] == 1 else image for image in images]
    return np.stack(images)


def _read(path: Path) -> np.ndarray:
    """``[H, W, 1]`` of a grey picture, else ``[H, W, 3]``."""
    with Image.open(path) as picture:
        if picture.mode.startswith(("I", "F")):
            raise ValueError(f"of mode {picture.mode}: more than 8 bits, which nothing says how to bring to 8")
        grey = picture.mode in ("1", "L", "LA")
        array = np.asarray(picture.convert("L" if grey else "RGB"))
    return array[..., None] if grey else array


def _npz(path: Path) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as stored:
            images = stored[stored.files[0]] if isinstance(stored, np.lib.npyio.NpzFile) else stored
    except FileNotFoundError as error:
        raise UserError(f"{path}: neither a folder of images nor an .npz file") from error
    except (OSError, ValueError, EOFError, IndexError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: cannot be read as .npz ({error})") from error
    images = images[..., None] if images.ndim == 3 else images
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3) or not len(images):
        problem = f"holds {images.dtype} of the shape {list(images.shape)} in place of bytes [N, H, W, C]"
        raise UserError(f"{path}: {problem} with 1 or 3 channels")
    return images
