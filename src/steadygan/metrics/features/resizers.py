"""How reference implementations bring images to the size of Inception; Parmar et al. 2022 show how much it matters.

Reference: Parmar et al. (2022), arXiv:2104.11222.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

SIDE = 299


def torch_fidelity(images: Tensor) -> Tensor:
    """Bilinear without antialiasing and on TensorFlow 1's grid, as torch-fidelity does it, to rounding.

    A product with one matrix for the rows and one for the columns takes a fifth of the time of its gathering of pixels.
    """
    rows, columns = (_weights(size, images.device) for size in images.shape[2:])
    with torch.autocast(images.device.type, enabled=False):
        return rows @ images.float() @ columns.mT


@lru_cache(maxsize=16)
def _weights(size: int, device: torch.device) -> Tensor:
    """Return ``[SIDE, size]`` float32: the weight of each old pixel in each new one."""
    position = torch.arange(SIDE, dtype=torch.float32, device=device) * torch.tensor(size / SIDE, dtype=torch.float32)
    before = position.long()
    after, share = (before + 1).clamp(max=size - 1), (position - before)[:, None]
    pixels = torch.eye(size, device=device)
    return (1 - share) * pixels[before] + share * pixels[after]


def pytorch_fid(images: Tensor) -> Tensor:
    """Bilinear without antialiasing, pixels taken for squares, as pytorch-fid does it.

    There white is 1 and not 127/128: a range of [0, 256] here, which later becomes [-1, 1].
    """
    with torch.autocast(images.device.type, enabled=False):
        resized = F.interpolate(images.float() / 255, (SIDE, SIDE), mode="bilinear", align_corners=False)
    return resized.mul_(256)


def clean(images: Tensor) -> Tensor:
    """PIL's bicubic, antialiased, each channel in float32 and clipped to [0, 255], as clean-fid does it."""
    resized = [[_bicubic(channel) for channel in image] for image in images.cpu().numpy()]
    return torch.from_numpy(np.array(resized)).to(images.device)


def _bicubic(channel: np.ndarray) -> np.ndarray:
    picture = Image.fromarray(channel.astype(np.float32))
    return np.asarray(picture.resize((SIDE, SIDE), resample=Image.Resampling.BICUBIC)).clip(0, 255)


RESIZERS: dict[str, Callable[[Tensor], Tensor]] = {
    "torch-fidelity": torch_fidelity,
    "pytorch-fid": pytorch_fid,
    "clean": clean,
}
"""``[B, 3, H, W]`` uint8 to ``[B, 3, 299, 299]`` float32 in [0, 255], by the name that the provenance states."""
