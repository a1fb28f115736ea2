"""Callbacks of Lightning's, the user's own or its own, beside those of a run; and its loggers."""

import csv
from itertools import pairwise

import pytest
import torch

from steadygan import train
from steadygan.common.errors import UserError
from steadygan.runs import files
from tiny import MODES, silent
from watching import Watch

RUN = (*MODES, "network.width=8", "batch_size=16", "iterations=20", "log_every=4", "evaluate_every=8")
WATCH = "+trainer.callbacks.watch._target_=watching.Watch"
STOCK = "+trainer.callbacks.{}._target_=lightning.pytorch.callbacks.{}"


@pytest.fixture(autouse=True)
def seen():
    Watch.seen.clear()
    return Watch.seen


def rows(path):
    with path.open() as file:
        return [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]


def summary(job):
    return files.read_summary(job.directory)


def test_a_callback_sees_the_module_and_the_rows_and_changes_no_bit(plan, tmp_path, seen):
    plain, watched = plan(outputs=tmp_path / "a"), plan(WATCH, outputs=tmp_path / "b")
    assert watched.signature == plain.signature
    assert watched.directory.name == plain.directory.name
    for job in (plain, watched):
        assert train.execute(job, silent) == "completed"
    table = rows(watched.directory / files.METRICS)
    assert table == rows(plain.directory / files.METRICS)
    assert [each["step"] for each in seen] == list(range(1, 21))
    assert [each["epoch"] for each in seen] == [0] * 8 + [1] * 8 + [2] * 4, "an epoch ends with an evaluation"
    assert [each["index"] for each in seen] == [*range(8), *range(8), *range(4)]
    assert {each["real"] for each in seen} == {(16, 2)}
    assert all(each["zero"] for each in seen)
    assert all(not torch.equal(one["weights"], other["weights"]) for one, other in pairwise(seen))
    saved = torch.load(watched.directory / files.CHECKPOINT, weights_only=True)["state_dict"]
    own = [value.flatten() for name, value in saved.items() if name.startswith("generator.")]
    assert torch.equal(seen[-1]["weights"], torch.cat(own))
    assert not seen[2]["callback_metrics"]
    for row in table:
        metrics = seen[int(row["iteration"]) - 1]["callback_metrics"]
        assert metrics == seen[int(row["iteration"]) - 1]["logged_metrics"]
        for name, value in row.items():
            assert not value or metrics[name] == pytest.approx(float(value), rel=1e-6)


def test_the_counters_go_on_where_a_run_goes_on(plan, seen):
    train.execute(plan("iterations=12"), silent)
    seen.clear()
    assert train.execute(plan(WATCH), silent) == "completed"
    assert [each["step"] for each in seen] == list(range(13, 21))
    assert [each["epoch"] for each in seen] == [1] * 4 + [2] * 4


def test_early_stopping_ends_a_run_for_good(plan):
    stop = (STOCK.format("stop", "EarlyStopping"), *_keys("stop", monitor="metric/modes", mode="max", patience=1))
    job = plan(*stop)
    assert train.execute(job, silent) == "completed"
    assert (summary(job)["iteration"], summary(job)["stopped_early"]) == (16, True), "no more modes than before"
    assert train.action(job) == "skip: completed"
    longer = plan("iterations=24")
    assert train.action(longer) == "extend"
    assert train.execute(longer, silent) == "completed"
    assert summary(longer)["iteration"] == 24
    assert "stopped_early" not in summary(longer)


def test_callbacks_that_log_and_save_by_themselves_do(plan, tmp_path):
    rate = STOCK.format("rate", "LearningRateMonitor")
    save = (STOCK.format("save", "ModelCheckpoint"), *_keys("save", dirpath=tmp_path / "saved", save_top_k=-1))
    logger = ("logger._target_=lightning.pytorch.loggers.CSVLogger", "+logger.name=mine")
    job = plan(rate, *save, *logger)
    assert train.execute(job, silent) == "completed"
    logged = rows(job.directory / "mine" / "version_0" / "metrics.csv")
    assert [row["step"] for row in logged] == [row["iteration"] for row in rows(job.directory / files.METRICS)]
    assert sorted(path.name for path in (tmp_path / "saved").iterdir()) == [
        "epoch=0-step=8.ckpt",
        "epoch=1-step=16.ckpt",
        "epoch=2-step=20.ckpt",
    ]
    assert float(logged[-1]["metric/kl"]) == pytest.approx(float(rows(job.directory / files.METRICS)[-1]["metric/kl"]))


@pytest.mark.parametrize(
    ("keys", "match"),
    [
        (
            ["+trainer.callbacks.mine._target_=torch.nn.ReLU"],
            r"callbacks.mine: .* ReLU.* no lightning.Callback",
        ),
        (["+trainer.callbacks.mine.patience=1"], r"trainer.callbacks.mine: does not say what it is"),
        (["trainer.callbacks=3"], r"trainer.callbacks=3: must be a group"),
        ([f"{WATCH}s"], r"trainer.callbacks.watch._target_=watching.Watchs: not found"),
    ],
)
def test_what_is_no_callback_is_refused(plan, keys, match):
    with pytest.raises(UserError, match=match):
        plan(*keys)


def test_a_population_leaves_such_a_run_alone(plan, seen):
    reported = []
    job = plan(WATCH, "engine=population")
    assert train.execute(job, reported.append) == "completed"
    assert any("trainer.callbacks are called by" in event.get("text", "") for event in reported)
    assert len(seen) == 20


def _keys(name, **values):
    return [f"+trainer.callbacks.{name}.{key}={value}" for key, value in values.items()]
