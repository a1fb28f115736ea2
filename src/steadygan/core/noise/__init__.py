"""Input noise: perturbations of what the discriminator sees, one method a file."""

from steadygan.core.noise.ada import Ada, augment
from steadygan.core.noise.blur import blur
from steadygan.core.noise.blur_instance import blur_instance
from steadygan.core.noise.diffaugment import diffaugment
from steadygan.core.noise.identity import identity
from steadygan.core.noise.instance import instance
from steadygan.core.noise.multi_blur import MultiBlur

__all__ = ["Ada", "MultiBlur", "augment", "blur", "blur_instance", "diffaugment", "identity", "instance"]
