"""Reports of sweeps, from the files of their runs alone (no torch)."""

from steadygan.report.build import report

__all__ = ["report"]
