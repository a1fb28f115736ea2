"""A trained GAN from the folder of its run: ``steadygan.load(RUN)``."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from steadygan.common.errors import UserError, bad_value, first_line
from steadygan.common.paths import expanded
from steadygan.config import run_config
from steadygan.config.build import build
from steadygan.config.targets import counts_by_content
from steadygan.core.draws import generator, normal_like
from steadygan.core.games import State
from steadygan.core.types import Apply, Tensors
from steadygan.data.described import Described
from steadygan.pictures.interpolation import linear, paths, spherical
from steadygan.runs import checkpoint, files, run_data
from steadygan.runs.signature import signature
from steadygan.runs.trust import only, trusted
from steadygan.training.components import DTYPES, Components
from steadygan.training.evaluation import evaluate, in_chunks
from steadygan.training.labelling import Labelling
from steadygan.training.module import GANModule

log = logging.getLogger("steadygan")

UNUSED = {"logger": {"_target_": "steadygan.loggers.none.NoLogger"}, "metrics": {}}
"""Parts of a config that a trained GAN has no use for."""

UNBUILT = ("logger", "engine", "trainer.callbacks")
"""Keys that are neither built nor signed here, so that what they name does not matter."""

STREAM = "sample"
WHOLE = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


class TrainedGAN:
    """A GAN as its last checkpoint left it, on the CPU.

    What it gives is a function of the run and the arguments alone: it computes with the number of threads that the
    run was trained with, and draws nothing from the global generator.

    Attributes:
        directory: the run's folder.
        config: the resolved config, plain containers.
        iteration: generator updates behind it.
        latent: dimension of z.
        shape: of one example, ``(d,)`` or ``(C, H, W)``.
        dtype: of samples, latents and logits.
        classes: that a conditional GAN can be asked for; None where it is not conditional.
    """

    def __init__(self, directory: Path, config: dict[str, Any], gan: GANModule, options: Mapping[str, Any]) -> None:
        self.directory, self.config = directory, config
        self.iteration, self.latent, self.dtype = gan.iteration, gan.latent, gan.float_type
        self.classes, self.shape = gan.classes, tuple(gan.components.dataset.shape)
        self._gan, self._threads = gan, config["trainer"]["threads"]
        self._options = options

    def __repr__(self) -> str:
        return f"TrainedGAN({str(self.directory)!r}, iteration={self.iteration}, shape={self.shape})"

    @property
    def summary(self) -> dict[str, Any]:
        """The run's ``summary.json`` as it is now; empty where it cannot be read."""
        return files.read_summary(self.directory) or {}

    @property
    def dataset(self) -> Any:
        """The data set that it was trained on, read at first use; raises DataMissing where it cannot be read."""
        dataset = self._gan.components.dataset
        return dataset.itself if isinstance(dataset, Described) else dataset

    @property
    def labelling(self) -> Labelling:
        """How it uses labels."""
        return self._gan.components.sampling.labelling

    def evaluate(self, metrics: Mapping[str, Any], ema: bool = True) -> dict[str, float]:
        """Score the generator by metrics that were built for its ``dataset``, on the latents of the run's
        evaluations."""
        with _threads(self._threads):
            return evaluate(self._gan, metrics, ema)

    @property
    def components(self) -> Components:
        """What the config builds, without its metrics and its logger."""
        return self._gan.components

    @property
    def state(self) -> State:
        """The training state, see ``steadygan.training.step``."""
        return self._gan.state

    def at(self, path: Path) -> "TrainedGAN":
        """Return the GAN of another checkpoint of this run; raises UserError as ``load``."""
        return load(path, **self._options)

    def initial(self) -> State:
        """Return the state before the first iteration."""
        return _gan(
            self.config, self.directory / files.CONFIG, self._gan.components.dataset, self._options["trust"]
        ).state

    def computing(self) -> AbstractContextManager[None]:
        """In which there are as many threads as it was trained with."""
        return _threads(self._threads)

    def averaged(self) -> tuple[Apply, Tensors]:
        """Return the averaged generator as a function of its parameters and buffers, and these in one dict."""
        return self._gan.averaged()

    def latents(self, count: int, seed: int = 0) -> Tensor:
        """Return ``[count, latent]`` from N(0, I); those that ``sample`` feeds the generator."""
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise bad_value("count", count, "must be a whole number of at least 1")
        return normal_like(generator(seed, STREAM), (count, self.latent), self.dtype)

    def labels(self, count: int, seed: int = 0, label: Any = None) -> Tensor | None:
        """Return the classes ``[count]`` that a conditional GAN is asked for; None where it is not conditional.

        Args:
            count: how many.
            seed: of the draw where ``label`` is None: the classes are those of a random batch of the data.
            label: one class for all, or one for each.
        """
        if label is None:
            return self._gan.labels(count, STREAM, seed)
        if self.classes is None:
            raise bad_value("label", label, "this GAN is not conditional")
        return self._labelled(label, count)

    def _labelled(self, label: Any, count: int) -> Tensor:
        try:
            labels = torch.as_tensor(label, device="cpu")
        except (TypeError, ValueError, RuntimeError):
            labels = torch.tensor(float("nan"))
        fits = labels.dtype in WHOLE and tuple(labels.shape) in ((), (count,))
        if not fits or not bool(((labels >= 0) & (labels < self.classes)).all()):
            raise bad_value("label", label, f"must be a class from 0 to {self.classes - 1}, or {count} of them")
        return labels.long().expand(count)

    def sample(self, count: int = 64, seed: int = 0, ema: bool = True, label: Any = None) -> Tensor:
        """Generated examples ``[count, *shape]``, images in [-1, 1]; the same bits each time.

        Args:
            count: how many.
            seed: of the latents.
            ema: from the averaged generator, which metrics use; False: from the one that is trained.
            label: of a conditional GAN: a class, or one for each; None: as many of each as a batch of the data has.
        """
        latents = self.latents(count, seed)
        return self.generate(latents, ema, self.labels(count, seed, label))

    def generate(self, latents: Tensor, ema: bool = True, label: Any = None) -> Tensor:
        """Generated examples ``[n, *shape]`` for latents ``[n, latent]``; ``label`` as for ``sample``, with seed 0."""
        latents = self._checked("latents", latents, (self.latent,))
        labels = self.labels(len(latents), label=label)
        with _threads(self._threads):
            return in_chunks(self._gan, latents, ema, labels)

    def critic(self, x: Tensor, label: Any = None) -> Tensor:
        """Return the discriminator's logits ``[n]`` of ``x [n, *shape]``, without input noise; they can be
        differentiated.

        That of a conditional GAN is told a class, or one for each; without, the logits are those of the class for which
        they are largest.
        """
        x = self._checked("x", x, self.shape)
        labels = None if label is None else self.labels(len(x), label=label)
        with _threads(self._threads):
            return self._gan.critic(x, labels)

    def classify(self, x: Tensor) -> Tensor:
        """Return the class logits ``[n, K]`` of a discriminator that tells classes (``labels=semi_supervised``)."""
        if "classifier" not in self._gan.components.sampling.labelling.method.offers:
            raise bad_value("labels", self.config["labels"]["_target_"], "this discriminator tells no classes")
        x = self._checked("x", x, self.shape)
        with _threads(self._threads):
            return self._gan.classify(x)

    def interpolate(
        self, pairs: int = 8, steps: int = 9, seed: int = 0, between: str = "spherical", ema: bool = True
    ) -> Tensor:
        """Generated examples ``[pairs, steps, *shape]`` on the way from one random latent to another.

        Args:
            pairs: how many ways; they begin at the first ``pairs`` of ``latents(2 * pairs, seed)`` and end at the rest.
            steps: on each way, both ends included; at least 2.
            seed: of the latents.
            between: ``linear`` or ``spherical``.
            ema: as for ``sample``.

        Each way of a conditional GAN is within one class, of those that ``labels(pairs, seed)`` draws.
        """
        if between not in BETWEEN:
            raise bad_value("between", between, "no such interpolation", BETWEEN)
        if steps < 2:
            raise bad_value("steps", steps, "must be at least 2")
        start, end = self.latents(2 * pairs, seed).chunk(2)
        ways = paths(start, end, steps, BETWEEN[between])
        labels = self.labels(pairs, seed)
        label = None if labels is None else labels.repeat_interleave(steps)
        return self.generate(ways.flatten(0, 1), ema, label).unflatten(0, (pairs, steps))

    def _checked(self, name: str, x: Any, shape: tuple[int, ...]) -> Tensor:
        x = torch.as_tensor(x, dtype=self.dtype, device="cpu")
        if tuple(x.shape[1:]) != shape or x.ndim != len(shape) + 1 or not len(x):
            expected = ", ".join(map(str, ("n", *shape)))
            raise bad_value(f"shape of {name}", list(x.shape), f"must be [{expected}] with n of at least 1")
        return x


BETWEEN = {"linear": linear, "spherical": spherical}


def load(run: str | Path, trust: Iterable[str] = (), dataset: Mapping[str, Any] | None = None) -> TrainedGAN:
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
    gan = _gan(config, directory / files.CONFIG, run_data.described(here["dataset"], saved.get("data"), trust), trust)
    _restore(gan, saved, path)
    _compare(path, saved["signature"], here if counts_by_content(config["dataset"]) else config)
    return TrainedGAN(directory, config, gan, {"trust": trusted(trust), "dataset": dataset})


def _compare(path: Path, signed: str, config: dict[str, Any]) -> None:
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


def _gan(config: dict[str, Any], path: Path, dataset: Any, trust: Iterable[str]) -> GANModule:
    try:
        precision = DTYPES[str(config["trainer"]["precision"])]
        unused = {"labels": {**config["labels"], "metrics": {}}, "trainer": {**config["trainer"], "callbacks": {}}}
        used = {**config, **UNUSED, **unused}
        with only(trust):
            components = build(used, dataset)
        return GANModule(components, config["seed"], config["batch_size"], precision)
    except KeyError as error:
        raise UserError(f"{path}: not the whole config of a run (it lacks {error})") from error


def _restore(gan: GANModule, saved: dict[str, Any], path: Path) -> None:
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


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Sums depend on how many threads share them: compute with so many, then with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
