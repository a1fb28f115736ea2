"""Many settings of one algorithm as one tensor program."""

from steadygan.population.program import NotVmappable
from steadygan.population.run import device, run
from steadygan.population.train import Plan, Slot, train

__all__ = ["NotVmappable", "Plan", "Slot", "device", "run", "train"]
