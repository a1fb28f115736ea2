"""A trained GAN: samples, critic, interpolations, scores."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated, TypeAlias

import torch
from torch import Tensor

from steadygan.common.errors import bad_value
from steadygan.common.ranges import Count, at_least
from steadygan.common.typed import check
from steadygan.config.node import Built, Node
from steadygan.core.draws import generator, normal_like
from steadygan.core.state import State
from steadygan.core.types import Apply, Tensors
from steadygan.data.described import Described
from steadygan.pictures.interpolation import linear, paths, spherical
from steadygan.runs import files
from steadygan.training.components import Components
from steadygan.training.evaluation import evaluate, in_chunks
from steadygan.training.labelling import Labelling
from steadygan.training.module import GANModule

STREAM = "sample"
WHOLE = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
BETWEEN = {"linear": linear, "spherical": spherical}

Reload: TypeAlias = Callable[[Path], "TrainedGAN"]
Initial: TypeAlias = Callable[[], State]

Label: TypeAlias = int | Sequence[int] | Tensor
"""A class, or one for each example."""


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

    def __init__(self, directory: Path, config: Node, gan: GANModule, reload: Reload, initial: Initial) -> None:
        self.directory, self.config = directory, config
        self.iteration, self.latent, self.dtype = gan.iteration, gan.latent, gan.float_type
        self.classes, self.shape = gan.classes, tuple(gan.components.dataset.shape)
        self._gan, self._threads = gan, config["trainer"]["threads"]
        self._reload, self._initial = reload, initial

    def __repr__(self) -> str:
        return f"TrainedGAN({str(self.directory)!r}, iteration={self.iteration}, shape={self.shape})"

    @property
    def summary(self) -> Node:
        """The run's ``summary.json`` as it is now; empty where it cannot be read."""
        return files.read_summary(self.directory) or {}

    @property
    def dataset(self) -> Built:
        """The data set that it was trained on, read at first use; raises DataMissing where it cannot be read."""
        dataset = self._gan.components.dataset
        return dataset.itself if isinstance(dataset, Described) else dataset

    @property
    def labelling(self) -> Labelling:
        """How it uses labels."""
        return self._gan.components.sampling.labelling

    def evaluate(self, metrics: Mapping[str, Built], ema: bool = True) -> dict[str, float]:
        """Score the generator by metrics that were built for its ``dataset``, on the latents of evaluations."""
        with _threads(self._threads):
            return evaluate(self._gan, metrics, ema)

    @property
    def components(self) -> Components:
        """What the config builds, without its metrics and its logger."""
        return self._gan.components

    @property
    def state(self) -> State:
        """The training state, see ``steadygan.core.state``."""
        return self._gan.state

    def at(self, path: Path) -> "TrainedGAN":
        """Return the GAN of another checkpoint of this run; raises UserError as ``load``."""
        return self._reload(path)

    def initial(self) -> State:
        """Return the state before the first iteration."""
        return self._initial()

    def computing(self) -> AbstractContextManager[None]:
        """Compute within with as many threads as it was trained with."""
        return _threads(self._threads)

    def averaged(self) -> tuple[Apply, Tensors]:
        """Return the averaged generator as a function of its parameters and buffers, and these in one dict."""
        return self._gan.averaged()

    def latents(self, count: int, seed: int = 0) -> Tensor:
        """Return ``[count, latent]`` from N(0, I); those that ``sample`` feeds the generator."""
        check("count", count, Count)
        return normal_like(generator(seed, STREAM), (count, self.latent), self.dtype)

    def labels(self, count: int, seed: int = 0, label: Label | None = None) -> Tensor | None:
        """Return the classes ``[count]`` that a conditional GAN is asked for; None where it is not conditional.

        Args:
            count: how many.
            seed: of the draw where ``label`` is None: the classes are those of a random batch of the data.
            label: one class for all, or one for each.
        """
        if label is None:
            return self._gan.labels(count, STREAM, seed)
        classes = self.classes
        if classes is None:
            raise bad_value("label", label, "this GAN is not conditional")
        try:
            labels = torch.as_tensor(label, device="cpu")
        except (TypeError, ValueError, RuntimeError):
            labels = torch.tensor(float("nan"))
        fits = labels.dtype in WHOLE and tuple(labels.shape) in ((), (count,))
        if not fits or not bool(((labels >= 0) & (labels < classes)).all()):
            raise bad_value("label", label, f"must be a class from 0 to {classes - 1}, or {count} of them")
        return labels.long().expand(count)

    def sample(self, count: int = 64, seed: int = 0, ema: bool = True, label: Label | None = None) -> Tensor:
        """Return examples ``[count, *shape]``, images in [-1, 1]; the same bits each time.

        Args:
            count: how many.
            seed: of the latents.
            ema: from the averaged generator, which metrics use; False: from the one that is trained.
            label: of a conditional GAN: a class, or one for each; None: as many of each as a batch of the data has.
        """
        latents = self.latents(count, seed)
        return self.generate(latents, ema, self.labels(count, seed, label))

    def generate(self, latents: Tensor, ema: bool = True, label: Label | None = None) -> Tensor:
        """Return examples ``[n, *shape]`` for latents ``[n, latent]``; ``label`` as for ``sample``, with seed 0."""
        latents = self._checked("latents", latents, (self.latent,))
        labels = self.labels(len(latents), label=label)
        with _threads(self._threads):
            return in_chunks(self._gan, latents, ema, labels)

    def critic(self, x: Tensor, label: Label | None = None) -> Tensor:
        """Return the discriminator's logits ``[n]`` of ``x [n, *shape]``, which can be differentiated.

        No input noise is added. The critic of a conditional GAN is told a class, or one for each; without, the logits
        are those of the class for which they are largest.
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
        """Return examples ``[pairs, steps, *shape]`` on the way from one random latent to another.

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
        check("steps", steps, Annotated[int, at_least(2)])
        start, end = self.latents(2 * pairs, seed).chunk(2)
        ways = paths(start, end, steps, BETWEEN[between])
        labels = self.labels(pairs, seed)
        label = None if labels is None else labels.repeat_interleave(steps)
        return self.generate(ways.flatten(0, 1), ema, label).unflatten(0, (pairs, steps))

    def _checked(self, name: str, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        x = torch.as_tensor(x, dtype=self.dtype, device="cpu")
        if tuple(x.shape[1:]) != shape or x.ndim != len(shape) + 1 or not len(x):
            expected = ", ".join(map(str, ("n", *shape)))
            raise bad_value(f"shape of {name}", list(x.shape), f"must be [{expected}] with n of at least 1")
        return x


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Sums depend on how many threads share them: compute with so many, then with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
