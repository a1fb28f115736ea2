"""What the discriminator sees in place of its inputs; one idea a file."""

from steadygan.core.noise.blur import blur
from steadygan.core.noise.blur_instance import blur_instance
from steadygan.core.noise.identity import identity
from steadygan.core.noise.instance import instance
from steadygan.core.noise.multi_blur import MultiBlur

__all__ = ["MultiBlur", "blur", "blur_instance", "identity", "instance"]
