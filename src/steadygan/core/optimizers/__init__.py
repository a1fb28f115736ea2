"""Update rules as pure functions, and as optimizers; one idea a file."""

from steadygan.core.optimizers.adam import Adam
from steadygan.core.optimizers.adamw import AdamW
from steadygan.core.optimizers.base import UpdateRule
from steadygan.core.optimizers.ccadl import Ccadl
from steadygan.core.optimizers.psgld import Psgld
from steadygan.core.optimizers.rmsprop import RmsProp
from steadygan.core.optimizers.sgd import Sgd
from steadygan.core.optimizers.sghmc import Sghmc
from steadygan.core.optimizers.sgld import Sgld
from steadygan.core.optimizers.sgld_cc import SgldCc
from steadygan.core.optimizers.sgnht import Sgnht
from steadygan.core.optimizers.shell import RuleOptimizer

__all__ = [
    "Adam",
    "AdamW",
    "Ccadl",
    "Psgld",
    "RmsProp",
    "RuleOptimizer",
    "Sgd",
    "Sghmc",
    "Sgld",
    "SgldCc",
    "Sgnht",
    "UpdateRule",
]
