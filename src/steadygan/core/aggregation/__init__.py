"""How the generator's losses against several discriminators are aggregated.

An aggregation is a frozen dataclass, called with the generator's loss against each discriminator ``[M]``, a mask
``[M]`` of those that are active, and one number from U(0, 1) where it is ``noisy``; it returns a scalar.

Reference: Durugkar et al. (2017), arXiv:1611.01673.
"""

from steadygan.core.aggregation.drawn import Drawn
from steadygan.core.aggregation.mean import Mean
from steadygan.core.aggregation.softmax import Softmax

__all__ = ["Drawn", "Mean", "Softmax"]
