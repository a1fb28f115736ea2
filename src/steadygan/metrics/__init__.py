"""Metrics of samples: pure functions, and a torchmetrics shell around each.

What their keys mean stands beside the values, in ``conf/metrics/``.
"""

from steadygan.metrics.frechet import frechet_distance

__all__ = ["frechet_distance"]
