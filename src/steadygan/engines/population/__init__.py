"""Many settings of one algorithm as one tensor program."""

from steadygan.engines.population.program import Unfit
from steadygan.engines.population.run import device, run
from steadygan.engines.population.train import Plan, Seat, train

__all__ = ["Plan", "Seat", "Unfit", "device", "run", "train"]
