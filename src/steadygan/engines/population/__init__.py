"""Many settings of one algorithm as one tensor program."""

from steadygan.engines.population.program import NotVmappable
from steadygan.engines.population.run import device, run
from steadygan.engines.population.train import Plan, Slot, train

__all__ = ["NotVmappable", "Plan", "Slot", "device", "run", "train"]
