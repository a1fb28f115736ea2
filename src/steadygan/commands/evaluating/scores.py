"""The lines and files of ``steadygan evaluate``."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from steadygan.common.errors import UserError
from steadygan.metrics.base import SampleMetric
from steadygan.metrics.features import statistics
from steadygan.metrics.fid import FID

Scores = Mapping[str, float]


def content(values: Scores | Mapping[str, Scores], metrics: Mapping[str, SampleMetric]) -> dict[str, object]:
    """Return what a file of scores says of them."""
    return {"metrics": values, "provenance": {name: metric.provenance for name, metric in metrics.items()}}


def table(values: Mapping[str, Scores]) -> Iterator[str]:
    """Yield the lines of a table: a score a line, a column for each of ``values``."""
    yield " ".join([f"{'':20s}", *(f"{column:>12s}" for column in values)]).rstrip()
    for name in next(iter(values.values())):
        yield " ".join([f"{name:20s}", *(f"{scores[name]:12.6g}" for scores in values.values())])


def export(path: Path, metrics: Mapping[str, SampleMetric]) -> str:
    """Write the statistics that ``fid`` compares with; return the path as text."""
    fid = next((metric for metric in metrics.values() if isinstance(metric, FID)), None)
    if fid is None:
        raise UserError("--export: there are statistics where one of the metrics is fid")
    statistics.save(path, fid.statistics, fid.origin)
    return str(path)
