"""Training schemes: what happens before the game, and what changes in the course of it.

The game itself is the ordinary step (``steadygan.training.step``) in all of them. A scheme is a function of the
iteration, or has all of its progress in the training state, so that a run goes on exactly from anywhere.
"""

from steadygan.training.schemes.base import Plain, Scheme
from steadygan.training.schemes.pretrain import Pretrain
from steadygan.training.schemes.progressive import Progressive

__all__ = ["Plain", "Pretrain", "Progressive", "Scheme"]
