"""Input noise: perturbations of what the discriminator sees, one method a file."""

from steadygan.core.noise._ada import Ada, augment
from steadygan.core.noise._blur import blur
from steadygan.core.noise._blur_instance import blur_instance
from steadygan.core.noise._diffaugment import diffaugment
from steadygan.core.noise._identity import identity
from steadygan.core.noise._instance import instance
from steadygan.core.noise._multi_blur import MultiBlur, views

__all__ = ["Ada", "MultiBlur", "augment", "blur", "blur_instance", "diffaugment", "identity", "instance", "views"]
