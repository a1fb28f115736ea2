"""Conditional GANs: both networks take the class.

Reference: Mirza and Osindero (2014), arXiv:1411.1784.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from steadygan.core.declare import declare
from steadygan.core.labels import size, stated_share
from steadygan.core.types import Apply
from steadygan.data.base import Dataset
from steadygan.networks.checks import choice, whole_number
from steadygan.networks.codes import Code, Embedding, OneHot
from steadygan.networks.conditional import (
    ConcatenatingDiscriminator,
    ConditionalGenerator,
    NormalisedGenerator,
    ProjectionDiscriminator,
)
from steadygan.networks.labels.base import Builder, classes_of

Condition = tuple[Callable[[int, int], Code], Callable[..., nn.Module]]
"""The code, from (classes, dim), that stands beside z; how the discriminator is told: a network from (shape, builder,
classes, that code)."""

HOW: dict[str, Condition] = {
    "concatenate": (lambda classes, dim: OneHot(classes), ConcatenatingDiscriminator),
    "embedding": (Embedding, ConcatenatingDiscriminator),
    "projection": (Embedding, ProjectionDiscriminator),
}

GENERATOR = {"concatenate": False, "batch_norm": True}
"""Whether the generator gets the class in its batch normalisation."""


@declare(share=stated_share, dim=size)
@dataclass(frozen=True)
class Conditional:
    """G(z, c) and D(x, c); fakes have the classes of the real batch of their step, hence the frequencies of the data.

    Examples whose label is not given are of one more class, "unknown", and so are their fakes.

    Attributes:
        how: ``concatenate`` (one-hot codes beside z and x; for convolutions as constant channels), ``embedding``
            (learnt vectors in their place), or ``projection`` (Miyato & Koyama 2018, eq. 3: the logit is
            ``psi(h(x)) + <e(c), h(x)>``; the generator has learnt vectors).
        generator: ``concatenate`` (that code beside z), or ``batch_norm`` (no code: a scale and a shift for each class
            in its batch normalisation, as in the same paper).
        dim: of the learnt vectors beside z, and of those beside x with ``embedding``.
        classes: how many the data should have; None: whatever they have.
    """

    players: ClassVar[frozenset[str]] = frozenset({"generator", "discriminator"})
    offers: ClassVar[frozenset[str]] = frozenset({"samples", "labels"})

    how: str = "concatenate"
    generator: str = "concatenate"
    dim: int = 16
    classes: int | None = None

    def __post_init__(self) -> None:
        choice("labels.how", self.how, HOW)
        choice("labels.generator", self.generator, GENERATOR)
        whole_number("labels.dim", self.dim)

    def count(self, dataset: Dataset) -> int:
        """Return the number of classes of the data."""
        return classes_of(dataset, self.classes, "conditional")

    def builders(self, builders: Mapping[str, Builder], classes: int, all_given: bool) -> dict[str, Builder]:
        """Return the builders of both networks with the class as a second input."""
        told = classes if all_given else classes + 1
        code, discriminator = HOW[self.how]
        make = partial(code, told, self.dim)
        generator = partial(ConditionalGenerator, code=make)
        if GENERATOR[self.generator]:
            generator = partial(NormalisedGenerator, told=told)
        return {
            "generator": partial(generator, builder=builders["generator"], classes=classes),
            "discriminator": partial(discriminator, builder=builders["discriminator"], classes=told, code=make),
        }

    def functions(self, functions: Mapping[str, Apply]) -> dict[str, Apply]:
        """Return them as they are."""
        return dict(functions)

    def batch_fields(self, y: Tensor, given: Tensor, classes: int, dtype: torch.dtype) -> dict[str, Tensor]:
        """``label``: what both networks are told."""
        return {"label": torch.where(given, y, classes)}
