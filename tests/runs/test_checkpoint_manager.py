"""Which checkpoints are on disk, and which one a run goes on from."""

import math
import os
import pickle

import pytest
import torch
from click.testing import CliRunner

import steadygan
from steadygan import train
from steadygan.commands import sample
from steadygan.common.errors import UserError
from steadygan.runs import files
from steadygan.runs.checkpoint_manager import CheckpointManager
from steadygan.sweeps import executing
from steadygan.sweeps.grouping import group
from tiny import silent

RUN = [
    *["metrics=[modes]", "metrics.modes.samples=200", "metrics.modes.wasserstein_samples=50", "batch_size=16"],
    *["iterations=25", "log_every=5", "evaluate_every=5", "checkpoint_every=5"],
]


def names(job):
    return sorted(path.name for path in (job.directory / files.CHECKPOINTS).iterdir())


def read(job, name):
    return torch.load(job.directory / files.CHECKPOINTS / name, weights_only=True)


@pytest.mark.parametrize(
    ("keep", "expected"),
    [(1, ["last.ckpt"]), (2, ["0000020.ckpt", "last.ckpt"]), (3, ["0000015.ckpt", "0000020.ckpt", "last.ckpt"])],
)
@pytest.mark.parametrize("links", [True, False])
def test_the_last_ones_are_kept_under_their_iterations(plan, monkeypatch, keep, expected, links):
    if not links:

        def refuse(*_):
            raise PermissionError("this file system has no hard links")

        monkeypatch.setattr(os, "link", refuse)
    job = plan(f"keep_checkpoints={keep}")
    train.execute(job, silent)
    assert names(job) == expected
    assert [read(job, name)["iteration"] for name in expected] == [*range(25 - 5 * (keep - 1), 25, 5), 25]


@pytest.mark.parametrize("metric", ["wasserstein", "modes"])  # less is better, more is better
def test_the_best_one_is_where_the_metric_was_best(plan, metric):
    job = plan(f"keep_best={metric}", "optimizer.generator.lr=0.01", "optimizer.discriminator.lr=0.01")
    train.execute(job, silent)
    values = {
        int(row["iteration"]): float(row[f"metric/{metric}"]) for row in files.read_rows(job.directory / files.METRICS)
    }
    better = min if metric == "wasserstein" else max
    first_best = better(values, key=values.get)  # ``min`` and ``max`` take the first of equal ones
    assert read(job, "best.ckpt")["iteration"] == first_best
    assert files.read_summary(job.directory)["metrics"][metric]["best"] == values[first_best]


def test_the_best_value_survives(plan, tmp_path):
    """Resumed after its best: a worse value does not replace it, though nothing in memory tells."""
    job = plan("keep_best=wasserstein")
    train.execute(job, silent)
    row = min(files.read_rows(job.directory / files.METRICS), key=lambda row: float(row["metric/wasserstein"]))
    manager = CheckpointManager(job, {"wasserstein": "min"})
    manager.restore_best(files.read_rows(job.directory / files.METRICS))
    best = float(row["metric/wasserstein"])
    assert -manager.best == best
    before = (job.directory / files.BEST).read_bytes()
    manager.save_best(None, 0.0, {"wasserstein": best + 1e-9})
    manager.save_best(None, 0.0, {"wasserstein": math.nan})
    manager.save_best(None, 0.0, {"wasserstein": -math.inf})
    assert (job.directory / files.BEST).read_bytes() == before
    (job.directory / files.BEST).unlink()
    manager = CheckpointManager(job, {"wasserstein": "min"})
    manager.restore_best(files.read_rows(job.directory / files.METRICS))
    assert manager.best is None, "a best value without its checkpoint keeps no other from being written"


def test_a_metric_that_the_run_does_not_have_is_a_mistake(plan):
    with pytest.raises(UserError, match=r"(?s)keep_best=fid.*wasserstein"):
        plan("keep_best=fid")


@pytest.mark.parametrize("value", ["checkpoint_minutes=0", "checkpoint_minutes=-1", "keep_checkpoints=0"])
def test_numbers_out_of_range(plan, value):
    with pytest.raises(UserError, match=value.partition("=")[0]):
        plan(value)


def test_none_of_it_makes_another_run(plan):
    first = plan()
    for other in (["checkpoint_minutes=1"], ["checkpoint_minutes=null"], ["keep_checkpoints=5"], ["keep_best=modes"]):
        assert plan(*other).directory == first.directory


def test_time_makes_a_checkpoint_due_whatever_the_iteration(plan, monkeypatch):
    job = plan("checkpoint_every=1000", "checkpoint_minutes=2", "keep_checkpoints=10")
    now = [0.0]
    manager = CheckpointManager(job, {}, clock=lambda: now[0])
    assert not manager.overdue()
    now[0] = 119.0
    assert not manager.overdue()
    now[0] = 121.0
    assert manager.overdue()
    # In a run: two minutes pass in each iteration.
    ticks = iter(range(0, 10**9, 121))
    monkeypatch.setattr(CheckpointManager.__init__, "__defaults__", (lambda: next(ticks),))
    train.execute(job, silent)
    assert len(names(job)) > 5
    job = plan("checkpoint_every=1000", "checkpoint_minutes=null", "seed=1")
    train.execute(job, silent)
    assert names(job) == ["last.ckpt"]


@pytest.mark.parametrize("together", [False, True])
def test_a_checkpoint_of_a_version_that_logged_something_else_is_gone_on_from(plan, together):
    first = plan("iterations=13")
    train.execute(first, silent)
    path = first.directory / files.CHECKPOINT
    saved = torch.load(path, weights_only=True)
    assert saved["window"]["count"] == 3, "within a row"
    saved["window"] = {"names": ["loss/generator", "old"], "total": torch.zeros(2, dtype=torch.float64), "count": 3}
    torch.save(saved, path)
    job = plan("iterations=15")
    if together:
        (formed,) = group([job], workers=1, most=lambda _: 1, compile=False)
        assert executing.execute_group(formed, silent) == {job.signature: "completed"}
    else:
        assert train.execute(job, silent) == "completed"
    last = files.read_rows(job.directory / files.METRICS)[-1]
    assert last["iteration"] == "15"
    assert all(float(last[f"loss/{player}"]) > 0 for player in ("generator", "discriminator"))


class Malicious:
    """What a pickle of it does when it is read without care."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


def damages(tmp_path):
    def foreign(path):
        saved = torch.load(path, weights_only=True)
        torch.save({**saved, "signature": "0123456789"}, path)

    def others(path):
        saved = torch.load(path, weights_only=True)
        saved["state_dict"]["generator.layers.0.weight"] = torch.zeros(1)
        first = next(iter(saved["state_dict"]))
        saved["state_dict"][first] = torch.zeros(3, 1, 4)
        torch.save(saved, path)

    def incomplete(path):
        saved = torch.load(path, weights_only=True)
        del saved["rules"]
        torch.save(saved, path)

    return {
        "truncated": lambda path: path.write_bytes(path.read_bytes()[:-100]),
        "empty": lambda path: path.write_bytes(b""),
        "malicious": lambda path: torch.save({"format": 2, "bad": Malicious(tmp_path / "executed")}, path),
        "bare pickle": lambda path: path.write_bytes(pickle.dumps(Malicious(tmp_path / "executed"))),
        "foreign": foreign,
        "of other networks": others,
        "incomplete": incomplete,
    }


@pytest.mark.parametrize(
    "kind", ["truncated", "empty", "malicious", "bare pickle", "foreign", "of other networks", "incomplete"]
)
def test_a_checkpoint_that_is_not_sound_is_refused_and_the_one_before_it_is_used(plan, tmp_path, kind):
    undisturbed = plan("iterations=30", outputs=tmp_path / "undisturbed")
    train.execute(undisturbed, silent)
    train.execute(plan(), silent)
    job, reported = plan("iterations=30"), []
    damages(tmp_path)[kind](job.directory / files.CHECKPOINT)
    assert train.execute(job, reported.append) == "completed"
    messages = [event["text"] for event in reported if event["kind"] == "message"]
    assert len(messages) == 1
    assert "last.ckpt" in messages[0]
    assert "not used" in messages[0]
    assert not (tmp_path / "executed").exists()
    first = min(event["iteration"] for event in reported if event["kind"] == "progress")
    assert first > 20, "it began again"
    a, b = read(job, "last.ckpt"), read(undisturbed, "last.ckpt")
    assert all(torch.equal(a["state_dict"][name], b["state_dict"][name]) for name in b["state_dict"])
    rows = [
        [{**row, "seconds": ""} for row in files.read_rows(each.directory / files.METRICS)]
        for each in (job, undisturbed)
    ]
    assert rows[0] == rows[1], "rows after the checkpoint that was used were cut off"


@pytest.mark.parametrize("kind", ["malicious", "bare pickle"])
def test_looking_at_a_run_from_elsewhere_executes_nothing(plan, tmp_path, kind):
    job = plan()
    train.execute(job, silent)
    damages(tmp_path)[kind](job.directory / files.CHECKPOINT)
    with pytest.raises(UserError, match=r"last\.ckpt: .*more than tensors and numbers") as reported:
        steadygan.load(job.directory)
    assert "weights_only" not in str(reported.value), "no advice to load it without the safeguard"
    done = CliRunner().invoke(sample.command, [str(job.directory)])
    assert isinstance(done.exception, UserError)
    assert not (tmp_path / "executed").exists()


def test_with_no_sound_checkpoint_the_run_begins_again(plan):
    job = plan("keep_checkpoints=3")
    train.execute(job, silent)
    for path in files.checkpoints(job.directory):
        path.write_bytes(b"nonsense")
    reported = []
    job = plan("keep_checkpoints=3", "iterations=30")
    assert train.execute(job, reported.append) == "completed"
    assert sum(event["kind"] == "message" for event in reported) == 3
    assert min(event["iteration"] for event in reported if event["kind"] == "progress") <= 5
