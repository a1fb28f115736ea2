"""Penalties on the discriminator, per sample, and projections of its parameters; one idea a file."""

from steadygan.core.regularizers._bcr import bcr
from steadygan.core.regularizers._dragan import dragan
from steadygan.core.regularizers._gradient_penalty import gradient_penalty
from steadygan.core.regularizers._lecam import LeCam
from steadygan.core.regularizers._orthogonal import orthogonal
from steadygan.core.regularizers._r1 import r1
from steadygan.core.regularizers._r1_r2 import r1_r2
from steadygan.core.regularizers._r2 import r2
from steadygan.core.regularizers._roth import roth
from steadygan.core.regularizers._weight_clip import weight_clip
from steadygan.core.regularizers._weight_decay import weight_decay

__all__ = [
    "LeCam",
    "bcr",
    "dragan",
    "gradient_penalty",
    "orthogonal",
    "r1",
    "r1_r2",
    "r2",
    "roth",
    "weight_clip",
    "weight_decay",
]
