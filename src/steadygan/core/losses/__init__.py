"""Losses of both players on logits, per sample; one idea a file."""

from steadygan.core.losses.fgan import FGan
from steadygan.core.losses.hinge import Hinge
from steadygan.core.losses.lsgan import LeastSquares
from steadygan.core.losses.minimax import Minimax
from steadygan.core.losses.nonsaturating import NonSaturating
from steadygan.core.losses.relativistic import Relativistic
from steadygan.core.losses.relativistic_average import RelativisticAverage
from steadygan.core.losses.wasserstein import Wasserstein

__all__ = [
    "FGan",
    "Hinge",
    "LeastSquares",
    "Minimax",
    "NonSaturating",
    "Relativistic",
    "RelativisticAverage",
    "Wasserstein",
]
