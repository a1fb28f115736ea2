"""Penalties on the discriminator, per sample, and projections of its parameters; one idea a file."""

from steadygan.core.regularizers.bcr import bcr
from steadygan.core.regularizers.dragan import dragan
from steadygan.core.regularizers.gradient_penalty import gradient_penalty
from steadygan.core.regularizers.lecam import LeCam
from steadygan.core.regularizers.orthogonal import orthogonal
from steadygan.core.regularizers.r1 import r1
from steadygan.core.regularizers.r1_r2 import r1_r2
from steadygan.core.regularizers.r2 import r2
from steadygan.core.regularizers.roth import roth
from steadygan.core.regularizers.weight_clip import weight_clip
from steadygan.core.regularizers.weight_decay import weight_decay

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
