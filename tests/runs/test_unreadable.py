"""Files of a run that cannot be opened for now: nothing is begun anew because of them, and nothing is lost."""

import builtins
import io
from pathlib import Path

import pytest

from steadygan import train
from steadygan.runs import files
from steadygan.runs.metrics_writer import MetricsWriter

TINY = ["iterations=4", "log_every=1", "evaluate_every=4", "checkpoint_every=2", "batch_size=8", "network.width=8",
        "logger=none", "metrics.modes.samples=50", "metrics.modes.wasserstein_samples=20"]  # fmt: skip


@pytest.fixture
def closed(monkeypatch):
    """``closed(name)``: files of this name cannot be opened, as if by a fault of the disk; ``closed()`` ends it."""
    before, names = io.open, set()

    def opening(file, *args, **kwargs):
        if isinstance(file, str | Path) and Path(file).name in names:
            raise OSError(5, "Input/output error", str(file))
        return before(file, *args, **kwargs)

    monkeypatch.setattr(io, "open", opening)
    monkeypatch.setattr(builtins, "open", opening)

    def close(*given):
        names.clear()
        names.update(given)

    return close


def test_rows_that_cannot_be_read_are_not_dropped(tmp_path, closed):
    path = tmp_path / files.METRICS
    MetricsWriter(path, []).write({"iteration": 1, "loss/generator": 0.5})
    closed(files.METRICS)
    with pytest.raises(files.Unreadable, match=r"metrics\.csv: cannot be read \(Input/output error\)"):
        MetricsWriter(path, []).resume(1, [1])
    closed()
    assert files.read_rows(path) == [{"iteration": "1", "loss/generator": "0.5"}]


@pytest.mark.parametrize("name", [files.SUMMARY, Path(files.CHECKPOINT).name, files.METRICS])
def test_a_run_is_not_begun_anew_for_a_passing_fault(compose, tmp_path, closed, name):
    overrides = [*TINY, f"outputs={tmp_path}"]
    job = train.plan(compose(*overrides), overrides)
    assert train.execute(job, lambda event: None) == "completed"
    seconds = files.read_summary(job.directory)["seconds"]
    longer = [*overrides, "iterations=6"]
    job = train.plan(compose(*longer), longer)
    closed(name)
    with pytest.raises(files.Unreadable, match=name):
        train.execute(job, lambda event: None)
    closed()
    assert train.execute(train.plan(compose(*longer, "retry=true"), longer), lambda event: None) == "completed"
    rows = files.read_rows(job.directory / files.METRICS)
    assert [int(row["iteration"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert files.read_summary(job.directory)["seconds"] > seconds


def test_who_only_looks_takes_such_files_for_none(tmp_path, closed):
    files.write_json(tmp_path / files.SUMMARY, {"status": "completed"})
    closed(files.SUMMARY)
    assert files.read_summary(tmp_path) is None
