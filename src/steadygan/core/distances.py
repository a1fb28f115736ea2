"""How far generated images are from those that they were to be: ``distance(made, target) -> [B]``.

A distance that needs more than the images, such as a network of the data set's own, is an object with ``on(dataset)``
that gives it, and ``check(dataset)``, which says where it cannot (``steadygan.metrics.features.perceptual``).
"""

from torch import Tensor


def l1(made: Tensor, target: Tensor) -> Tensor:
    """Return the mean over pixels and channels of ``|made - target|``, per image ``[B]``.

    Reference: Pani (undated), section 4.3.1.
    """
    return (made - target).abs().flatten(1).mean(1)
