"""What a run does beside its steps."""

from steadygan.training.callbacks.base import RunCallback
from steadygan.training.callbacks.diagnostics import Diagnostics
from steadygan.training.callbacks.evaluation import Evaluation
from steadygan.training.callbacks.exact_checkpoint import ExactCheckpoint
from steadygan.training.callbacks.log_rows import LogRows
from steadygan.training.callbacks.metrics_csv import MetricsCSV
from steadygan.training.callbacks.progress import Progress
from steadygan.training.callbacks.samples import Samples
from steadygan.training.callbacks.stop_on_signal import StopOnSignal
from steadygan.training.context import RunContext

ORDER = (Diagnostics, Evaluation, MetricsCSV, LogRows, Samples, ExactCheckpoint, Progress, StopOnSignal)
"""In which they act after an iteration: the row is made before it is written, the checkpoint comes after all of it."""


def run_callbacks(run: RunContext) -> list[RunCallback]:
    """Return the callbacks of a run, on this process."""
    return [callback(run) for callback in ORDER if callback.every_rank or not run.rank]
