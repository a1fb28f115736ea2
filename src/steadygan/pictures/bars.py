"""How many samples each mode of a mixture gets."""

from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from steadygan.pictures.canvas import CRITIC, FAKE, axes, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def bars(path: Path, counts: Tensor, samples: int, share: float) -> None:
    """A bar a mode, and the line of its fair share; modes that are not covered have another colour.

    Args:
        path: the PNG to write.
        counts: ``[K]``, the samples of high quality of each mode.
        samples: all samples, those of no mode too.
        share: of the fair share ``samples / K`` that covers a mode.
    """
    save(path, draw(counts, samples, share))


def draw(counts: Tensor, samples: int, share: float) -> "Axes":
    """Return the axes of ``bars``."""
    modes = len(counts)
    fair = samples / modes
    covered = counts >= share * fair
    drawn = axes()
    drawn.bar(range(modes), counts.tolist(), color=[FAKE if enough else CRITIC for enough in covered])
    drawn.axhline(fair, color="#000000", linewidth=1, label="fair share")
    drawn.axhline(share * fair, color="#000000", linewidth=1, linestyle=":", label="covers a mode")
    quality = float(counts.sum()) / samples
    drawn.set_title(f"{int(covered.sum())} of {modes} modes covered; {quality:.1%} of samples in a mode", fontsize=8)
    drawn.margins(x=0.02, y=0.15)
    return drawn
