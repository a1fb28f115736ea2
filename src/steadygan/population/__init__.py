"""Many settings of one algorithm as one tensor program."""

from steadygan.population.engine import device, run
from steadygan.population.loop import Plan, Slot, train
from steadygan.population.program import NotVmappable

__all__ = ["NotVmappable", "Plan", "Slot", "device", "run", "train"]
