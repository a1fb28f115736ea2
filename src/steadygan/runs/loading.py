"""A trained GAN from the folder of its run: ``steadygan.load(RUN)``."""

import logging
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from steadygan.common.errors import UserError, first_line
from steadygan.common.paths import expanded
from steadygan.config import run_config
from steadygan.config.building import build
from steadygan.config.node import Config, Node
from steadygan.config.targets import counts_by_content
from steadygan.data.described import Described
from steadygan.runs import checkpoint, files, run_data
from steadygan.runs.signature import signature
from steadygan.runs.trained_gan import TrainedGAN
from steadygan.runs.trust import only, trusted
from steadygan.training.components import DTYPES
from steadygan.training.module import GANModule

log = logging.getLogger("steadygan")

UNUSED = {"logger": {"_target_": "steadygan.loggers.none.NoLogger"}, "metrics": {}}
"""Parts of a config that a trained GAN has no use for."""

UNBUILT = ("logger", "engine", "trainer.callbacks")
"""Keys that are neither built nor signed here, so that what they name does not matter."""


def load(run: str | Path, trust: Iterable[str] = (), dataset: Config | None = None) -> TrainedGAN:
    """Return the trained GAN of a run.

    Its data are only read by what needs them: ``TrainedGAN.dataset``, random labels of a conditional GAN, metrics.

    Args:
        run: the run's folder, or the checkpoint in it.
        trust: packages or objects that the run's config may name beside steadygan's own methods, such as ``my_gan``;
            those of the environment variable ``STEADYGAN_TRUST`` are trusted as well.
        dataset: where its data are now, if not where they were: ``{"root": FOLDER}``.

    Raises:
        UserError: there is no run, its config or checkpoint is missing, damaged, or of another run, or the config names
            what is not trusted.
    """
    directory, path = _locate(expanded("run", str(run)))
    config = run_config.read(directory, trust, UNBUILT)
    saved = checkpoint.load(path)
    if not isinstance(config.get("dataset"), Mapping):
        raise UserError(f"{directory / files.CONFIG}: not the whole config of a run (it lacks 'dataset')")
    here = {**config, "dataset": run_data.where(config["dataset"], dataset or {})}
    described = run_data.described(here["dataset"], saved.get("data"), trust)
    fresh = partial(_gan, config, directory / files.CONFIG, described, trusted(trust))
    gan = fresh()
    _restore(gan, saved, path)
    _compare(path, saved["signature"], here if counts_by_content(config["dataset"]) else config)
    reload = partial(load, trust=trusted(trust), dataset=dataset)
    return TrainedGAN(directory, config, gan, reload, initial=lambda: fresh().state)


def _compare(path: Path, signed: str, config: Node) -> None:
    """Say so where a checkpoint is of another config or of other data; or where the data are not here."""
    try:
        same = signed == signature(config)
    except UserError as error:
        log.warning("%s: its data cannot be read here: %s", path, first_line(error))
        return
    if not same:
        log.warning("%s: trained with another config or other data than %s describes", path, files.CONFIG)


def _locate(path: Path) -> tuple[Path, Path]:
    """Return the run's folder and its checkpoint."""
    if path.is_file() and path.suffix == Path(files.CHECKPOINT).suffix:
        return path.absolute().parents[1], path
    if not path.is_dir():
        raise UserError(f"{path}: {'neither a run folder nor a checkpoint' if path.exists() else 'no such run folder'}")
    if not any((path / name).exists() for name in (files.CONFIG, files.SUMMARY, files.CHECKPOINT)):
        below = sorted(config.parent.name for config in path.glob(f"*/{files.CONFIG}"))
        hint = f"\nRuns in it: {', '.join(below[:5])}{', ...' if below[5:] else ''}" if below else ""
        raise UserError(f"{path}: not a run folder (it holds no {files.CONFIG}){hint}")
    return path, path / files.CHECKPOINT


def _gan(config: Node, path: Path, dataset: Described, trust: Iterable[str]) -> GANModule:
    try:
        precision = DTYPES[str(config["trainer"]["precision"])]
        unused = {"labels": {**config["labels"], "metrics": {}}, "trainer": {**config["trainer"], "callbacks": {}}}
        used = {**config, **UNUSED, **unused}
        with only(trust):
            components = build(used, dataset)
        return GANModule(components, config["seed"], config["batch_size"], precision)
    except KeyError as error:
        raise UserError(f"{path}: not the whole config of a run (it lacks {error})") from error


def _restore(gan: GANModule, saved: Node, path: Path) -> None:
    """Put the checkpoint into the GAN, if it is one of such a GAN."""
    try:
        sizes = {name: tuple(value.shape) for name, value in saved["state_dict"].items()}
        fits = sizes == {name: tuple(value.shape) for name, value in gan.state_dict().items()}
        if fits:
            checkpoint.restore(gan, saved)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except (KeyError, AttributeError, TypeError) as error:
        raise UserError(f"{path}: an incomplete checkpoint ({error!r})") from error
    if not fits:
        raise UserError(f"{path}: not a checkpoint of the networks that {files.CONFIG} describes")
