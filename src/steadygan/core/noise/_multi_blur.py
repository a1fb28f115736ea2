"""Several levels of blur at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from steadygan.common.errors import bad_value
from steadygan.core.declare import declare, fraction, nonnegative
from steadygan.core.draws import normal_for_vectors
from steadygan.core.noise._blur import blur
from steadygan.core.types import Number, Perturb


@declare(draw=normal_for_vectors, sigma=nonnegative, ratio=fraction)
@dataclass(frozen=True)
class MultiBlur:
    """Blur at several levels at once.

    The discriminator sees each example at ``levels`` levels of blur, ``sigma``, ``ratio sigma``, ``ratio^2 sigma``,
    ...: "each example augmented by smeared out versions that mimic the effect of noise at different strength".
    The objective is the mean over the levels.

    Attributes:
        sigma: the coarsest level; see ``steadygan.core.noise.blur``.
        ratio: of each level to the one before it; 0 shows the examples as they are beside the coarsest level.
        levels: how many.
        radius: where the filter of images is cut off, in pixels.

    Raises:
        UserError: ``levels`` is not a whole number of at least 1.

    Reference: Ramakers et al. (undated), section 2 and eqs. 8 and 9.
    """

    sigma: Number
    ratio: Number = 0.5
    levels: int = 3
    radius: int = 12

    def __post_init__(self) -> None:
        if isinstance(self.levels, bool) or not isinstance(self.levels, int) or self.levels < 1:
            raise bad_value("noise.levels", self.levels, "must be a whole number of at least 1")

    def views(self) -> Sequence[Perturb]:
        """One perturbation a level, the coarsest first."""
        return [partial(blur, sigma=self.sigma * self.ratio**level, radius=self.radius) for level in range(self.levels)]

    def __call__(self, x: Tensor, eps: Tensor | None) -> Tensor:
        """``x`` at the coarsest level."""
        return blur(x, eps, sigma=self.sigma, radius=self.radius)


def views(perturb: Perturb) -> Sequence[Perturb]:
    """Return the levels of noise at which a discriminator sees each example; most noises have one."""
    own = getattr(perturb, "views", None)
    return (perturb,) if own is None else own()
