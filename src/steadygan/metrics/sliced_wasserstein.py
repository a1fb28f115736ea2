"""Sliced Wasserstein distance of patches: a score of images that needs no network.

Reference: Karras et al. (2018), section 5, arXiv:1710.10196.
"""

import torch
from torch import Tensor
from torch.nn.functional import conv2d, interpolate, pad
from torchmetrics.utilities import dim_zero_cat

from steadygan.core.draws import generator
from steadygan.data.base import ImageData, Images
from steadygan.data.storage.frames import from_bytes, to_bytes
from steadygan.metrics.base import SPLITS, SampleMetric
from steadygan.metrics.features.real import TensorImages, blocks, real_images
from steadygan.metrics.fits import has_images, misfit

PATCH, COARSEST = 7, 16
"""Pixels a side of a patch, and of the last level of the pyramid, as in the paper."""

BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)

_AT_ONCE = 100
"""Images cut at once."""

_references: dict[tuple[str | int, ...], dict[int, tuple[Tensor, Tensor, Tensor]]] = {}


def laplacian_pyramid(x: Tensor) -> dict[int, Tensor]:
    """Return what each scale adds to the next coarser one, and the coarsest itself, by side.

    Levels are halved while their sides are even and at least ``2 * COARSEST``; their sum, each enlarged, is ``x``.

    Args:
        x: ``[n, C, H, W]``.

    Reference: Burt and Adelson (1983), doi:10.1109/TCOM.1983.1095851.
    """
    levels = {}
    while min(x.shape[2:]) >= 2 * COARSEST and not any(side % 2 for side in x.shape[2:]):
        coarse = _blur(x)[..., ::2, ::2]
        levels[x.shape[-1]] = x - enlarged(coarse)
        x = coarse
    return levels | {x.shape[-1]: x}


def _blur(x: Tensor) -> Tensor:
    taps = torch.tensor(BINOMIAL, dtype=x.dtype, device=x.device)
    kernel = torch.outer(taps, taps).expand(x.shape[1], 1, 5, 5)
    return conv2d(pad(x, (2, 2, 2, 2), mode="reflect"), kernel, groups=x.shape[1])


def enlarged(x: Tensor) -> Tensor:
    """Return twice the size, bilinear."""
    return interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def patches(x: Tensor, corners: Tensor) -> Tensor:
    """Return patches ``[n, P, C, p, p]`` of images ``[n, C, H, W]``, by their upper left ``corners [P, 2]``."""
    side = min(PATCH, *x.shape[2:])
    return torch.stack([x[:, :, top : top + side, left : left + side] for top, left in corners.tolist()], dim=1)


def sorted_distance(a: Tensor, b: Tensor) -> Tensor:
    """Return the mean over columns of W1 between the columns of ``a [n, K]`` and ``b [m, K]``, both sorted along them.

    Exact for n = m; else ``b`` is read at the quantiles of ``a``.
    """
    if len(a) != len(b):
        at = ((torch.arange(len(a), device=a.device) + 0.5) * (len(b) / len(a))).long()
        b = b[at]
    return (a - b).abs().mean()


class SlicedWasserstein(SampleMetric):
    """``swd``, the mean over the scales of the images, and ``swd_16`` and so on, of each.

    At each scale patches of 7 x 7 pixels are compared: how far the distributions of their projections on random
    directions are apart, in units of the data's standard deviation in each channel. The finest scale sees texture, the
    coarsest composition. Patches are taken at the same places of all images.
    """

    directions = {"swd": "min"}

    def __init__(
        self,
        dataset: ImageData,
        samples: int = 2000,
        split: str = "train",
        places: int = 16,
        directions: int = 128,
        reference_seed: int = 0,
    ) -> None:
        node = "sliced_wasserstein"
        if not has_images(dataset):
            raise misfit(node, dataset, "images")
        super().__init__(node, samples)
        self.one_of("split", split, SPLITS, "split")
        self._places = self.whole("places", places, 1)
        self._count = self.whole("directions", directions, 1)
        self._seed = self.whole("reference_seed", reference_seed, 0)
        images = real_images(dataset, split)
        self._reference = self._of_data(images)
        sides = [f"swd_{side}" for side in self._reference] if len(self._reference) > 1 else []
        self.directions = dict.fromkeys(["swd", *sides], "min")
        for side in self._reference:
            self.add_state(f"kept_{side}", [], dist_reduce_fx="cat")
        chosen = min(self.samples, images.shape[0])
        self.provenance |= {
            "split": split, "split_size": images.shape[0], "reference_samples": chosen, "reference_seed": self._seed,
            "images": "clamped to [-1, 1], rounded to 8 bits", "places": self._places, "directions": self._count,
        }  # fmt: skip

    def take(self, x: Tensor) -> None:
        """Keep the projections of the patches of images ``[n, C, H, W]``."""
        finite = x.flatten(1).isfinite().all(1)
        for part, fine in zip(x.split(_AT_ONCE), finite.split(_AT_ONCE)):
            for side, cut in self._cut(to_bytes(part)).items():
                mean, std, _ = (value.to(x.device) for value in self._reference[side])
                made = self._projected((cut - mean) / std, side)
                getattr(self, f"kept_{side}").append(torch.where(fine[:, None, None], made, torch.nan))

    def score(self) -> dict[str, float]:
        """Return the distances; nan where a sample is not finite."""
        distances = {}
        for side, (_, _, real) in self._reference.items():
            made = dim_zero_cat(getattr(self, f"kept_{side}")).flatten(0, 1).cpu()
            distances[f"swd_{side}"] = float(sorted_distance(made.sort(0).values, real))
            if not bool(made.isfinite().all()):
                distances[f"swd_{side}"] = float("nan")
        mean = {"swd": sum(distances.values()) / len(distances)}
        return mean | (distances if len(distances) > 1 else {})

    def _of_data(self, images: Images | TensorImages) -> dict[int, tuple[Tensor, Tensor, Tensor]]:
        """Return at each scale mean and standard deviation ``[C, 1, 1]``, and the projections ``[m, K]``, sorted."""
        key = (images.content, self.samples, self._places, self._count, self._seed)
        if key not in _references:
            rows = torch.randperm(images.shape[0], generator=generator(self._seed, "metric/reference"))
            rows = rows[: self.samples].sort().values
            parts = [self._cut(block) for block in blocks(images, _AT_ONCE, rows)]
            _references[key] = {
                side: self._of_scale(torch.cat([part[side] for part in parts]), side) for side in parts[0]
            }
        return _references[key]

    def _of_scale(self, cut: Tensor, side: int) -> tuple[Tensor, Tensor, Tensor]:
        mean = cut.mean((0, 1, 3, 4))[:, None, None]
        std = cut.std((0, 1, 3, 4), correction=0)[:, None, None].clamp_min(1e-6)
        return mean, std, self._projected((cut - mean) / std, side).flatten(0, 1).sort(0).values

    def _cut(self, images: Tensor) -> dict[int, Tensor]:
        """Return patches ``[n, P, C, 7, 7]`` at each scale; in float64: what goes with an image makes no difference."""
        levels = laplacian_pyramid(from_bytes(images, torch.float64))
        return {side: patches(level, self._corners(level.shape)) for side, level in levels.items()}

    def _corners(self, shape: tuple[int, ...]) -> Tensor:
        """Return ``[P, 2]``, the same ones whenever a level of this shape is looked at."""
        room = torch.tensor([side - min(PATCH, *shape[2:]) + 1 for side in shape[2:]], dtype=torch.float64)
        source = generator(self._seed, f"metric/places/{shape[-1]}")
        return (torch.rand(self._places, 2, generator=source, dtype=torch.float64) * room).long()

    def _projected(self, cut: Tensor, side: int) -> Tensor:
        """Return ``[n, P, K]`` of patches ``[n, P, C, 7, 7]``."""
        cut = cut.flatten(2)
        source = generator(self._seed, f"metric/directions/{side}")
        ways = torch.randn(cut.shape[2], self._count, generator=source, dtype=torch.float64)
        return cut @ (ways / ways.norm(dim=0)).to(cut.device)
