"""How reference implementations bring images to the size of Inception; Parmar et al. 2022 show how much it matters."""

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor

SIDE = 299


def torch_fidelity(images: Tensor) -> Tensor:
    """Bilinear without antialiasing and on TensorFlow 1's grid, by torch-fidelity's own function."""
    from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

    return interpolate_bilinear_2d_like_tensorflow1x(images.float(), size=(SIDE, SIDE), align_corners=False)


def clean(images: Tensor) -> Tensor:
    """PIL's bicubic, antialiased, each channel in float32 and clipped to [0, 255], as clean-fid does it."""
    resized = [[_bicubic(channel) for channel in image] for image in images.cpu().numpy()]
    return torch.from_numpy(np.array(resized)).to(images.device)


def _bicubic(channel: np.ndarray) -> np.ndarray:
    picture = Image.fromarray(channel.astype(np.float32))
    return np.asarray(picture.resize((SIDE, SIDE), resample=Image.Resampling.BICUBIC)).clip(0, 255)


RESIZERS: dict[str, Callable[[Tensor], Tensor]] = {"torch-fidelity": torch_fidelity, "clean": clean}
"""``[B, 3, H, W]`` uint8 to ``[B, 3, 299, 299]`` float32 in [0, 255], by the name that a passport says."""
