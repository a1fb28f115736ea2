"""Metrics of samples: pure functions, and a torchmetrics shell around each."""

from steadygan.metrics.frechet import frechet_distance

__all__ = ["frechet_distance"]
