"""Lightning's loggers behind ours, read back from what they wrote; and no logger at all."""

import csv
import importlib.util
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from PIL import Image

from steadygan.common import paths
from steadygan.common.errors import UserError
from steadygan.config import building
from steadygan.loggers.lightning import Adapter
from steadygan.loggers.none import NoLogger
from steadygan.loggers.trainer import trainer_logger
from steadygan.runs.job import Job

ROWS = [
    {"iteration": 100, "loss/discriminator": 0.1 + 0.2, "seconds": 1.5},
    {"iteration": 200, "loss/discriminator": -1e-9, "seconds": 3.0, "metric/modes": 8.0},
]


def run_info(directory: Path) -> Job:
    return Job({"loss": {"alpha": 0.25}, "seed": 0}, (), directory, "0123", "r1", "r1", 0, 9)


def log(logger, directory: Path) -> None:
    directory.mkdir(exist_ok=True)
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(directory / "sample.png")
    logger.open(run_info(directory))
    for row in ROWS:
        logger.row(row)
    logger.picture(200, "samples", directory / "sample.png")
    logger.close({"status": "completed"})


def test_csv_holds_every_row(tmp_path, caplog):
    (tmp_path / "metrics.csv").write_text("the run's own\n")
    log(Adapter(partial(CSVLogger, name="csv"), "lightning"), tmp_path)
    with (tmp_path / "csv" / "version_0" / "metrics.csv").open() as file:
        found = [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file)]
    assert found == [{"step" if key == "iteration" else key: value for key, value in row.items()} for row in ROWS]
    hyperparameters = yaml.safe_load((tmp_path / "csv" / "version_0" / "hparams.yaml").read_text())
    assert hyperparameters == {"loss/alpha": 0.25, "seed": 0}
    assert (tmp_path / "metrics.csv").read_text() == "the run's own\n"
    assert not [record for record in caplog.records if record.name == "steadygan"]


def test_a_missing_package_is_said_when_the_run_is_composed(monkeypatch):
    def missing(save_dir):
        raise ModuleNotFoundError("Neither `tensorboard` nor `tensorboardX` is available.\nmore")

    with pytest.raises(UserError, match=r"(?s)Neither `tensorboard`.*available\.\nInstall it: pip install tensorboard"):
        Adapter(missing, "tensorboard")


@pytest.mark.skipif(importlib.util.find_spec("tensorboard") is not None, reason="tensorboard is installed")
def test_tensorboard_is_not_installed():
    with pytest.raises(UserError, match="pip install tensorboard"):
        Adapter(partial(TensorBoardLogger, name="tensorboard"), "tensorboard")


@pytest.mark.skipif(importlib.util.find_spec("tensorboard") is None, reason="needs tensorboard")
def test_tensorboard_holds_rows_and_pictures(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log(Adapter(partial(TensorBoardLogger, name="tensorboard"), "tensorboard"), tmp_path)
    events = EventAccumulator(str(tmp_path / "tensorboard" / "version_0"))
    events.Reload()
    assert [event.step for event in events.Scalars("loss/discriminator")] == [100, 200]
    assert events.Scalars("loss/discriminator")[0].value == pytest.approx(0.3)
    assert [event.step for event in events.Images("samples")] == [200]


def test_a_failing_logger_stops_nothing(tmp_path, caplog):
    class Failing(CSVLogger):
        def log_metrics(self, metrics, step=None):
            raise OSError("disk full")

    log(Adapter(partial(Failing, name="csv")), tmp_path)
    (warning,) = [record.getMessage() for record in caplog.records if record.name == "steadygan"]
    assert "disk full" in warning


def test_no_logger_writes_nothing(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    logger = NoLogger()
    logger.open(run_info(folder))
    logger.row(ROWS[0])
    logger.picture(1, "samples", folder / "none.png")
    logger.close({})
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["wandb", "none", "csv", "tensorboard"])
def test_every_option_composes(name):
    """The yaml mirrors the constructor: what it names can be built from it, or says what is missing."""
    config = yaml.safe_load((paths.conf_dir() / "logger" / f"{name}.yaml").read_text())
    if name == "tensorboard" and importlib.util.find_spec("tensorboard") is None:
        with pytest.raises(UserError, match="tensorboard"):
            building._logger(config)
    else:
        logger = building._logger(config)
        assert all(callable(getattr(logger, method)) for method in ("open", "row", "picture", "close"))


def test_a_logger_of_lightnings_needs_no_adapter(tmp_path):
    node = {"_target_": "lightning.pytorch.loggers.CSVLogger", "name": "csv"}
    log(building._logger(node), tmp_path / "new")
    with pytest.warns(FutureWarning, match="is not needed any more"):
        log(Adapter(partial(CSVLogger, name="csv"), "lightning"), tmp_path / "old")
    new, old = (tmp_path / each / "csv" / "version_0" for each in ("new", "old"))
    assert (new / "metrics.csv").read_text() == (old / "metrics.csv").read_text()
    assert (new / "hparams.yaml").read_text() == (old / "hparams.yaml").read_text()


def test_a_trainer_gets_the_loggers_of_lightning_themselves_and_ours_behind_one(tmp_path):
    ours = building._logger({"_target_": "lightning.pytorch.loggers.CSVLogger", "name": "csv"})
    ours.open(run_info(tmp_path))
    assert isinstance(trainer_logger(ours), CSVLogger)

    class Rows(NoLogger):
        rows: list = []

        def row(self, row):
            self.rows.append(dict(row))

    other = trainer_logger(Rows())
    other.log_metrics({"lr": 0.1}, step=3)
    assert Rows.rows == [{"iteration": 3, "lr": 0.1}]
