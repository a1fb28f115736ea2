"""Update rules as pure functions, and as optimizers; one idea a file."""

from steadygan.core.rules.adam import Adam
from steadygan.core.rules.adamw import AdamW
from steadygan.core.rules.base import UpdateRule
from steadygan.core.rules.ccadl import Ccadl
from steadygan.core.rules.psgld import Psgld
from steadygan.core.rules.rmsprop import RmsProp
from steadygan.core.rules.sgd import Sgd
from steadygan.core.rules.sghmc import Sghmc
from steadygan.core.rules.sgld import Sgld
from steadygan.core.rules.sgld_cc import SgldCc
from steadygan.core.rules.sgnht import Sgnht
from steadygan.core.rules.shell import RuleOptimizer

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
