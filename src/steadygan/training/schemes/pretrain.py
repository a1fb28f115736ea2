"""Stacked pre-training of both players: its settings, and the phases that come of them.

Reference: Pani (undated), section 4.3.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import torch
from torch import nn

from steadygan.common.errors import UserError, bad_value
from steadygan.config.protocols import has_members, is_callable
from steadygan.core.declare import count, declare, fraction, signed_as
from steadygan.core.distances import l1
from steadygan.core.growing import Growth
from steadygan.core.optimizers import Adam
from steadygan.core.optimizers.base import UpdateRule
from steadygan.core.settings import is_number
from steadygan.core.types import Number, Tree
from steadygan.data.base import Dataset
from steadygan.networks.stacked import as_growing
from steadygan.runs import files
from steadygan.training.schemes.base import Row

if TYPE_CHECKING:
    from steadygan.training.context import RunContext
    from steadygan.training.module import GANModule


class Phase(NamedTuple):
    """One player learns one thing.

    Attributes:
        player: who.
        stage: of a generator that grows; None for the discriminator.
        size: of the images, in pixels a side.
        epochs: passes over the data.
        steps: updates.
        rule: how it moves.
    """

    player: str
    stage: int | None
    size: int
    epochs: int
    steps: int
    rule: UpdateRule

    @property
    def name(self) -> str:
        """``generator 8x8``."""
        return f"{self.player} {self.size}x{self.size}"


@signed_as("steadygan.engines.schemes.Pretrain")
@declare(batch_size=count, fade=fraction)
@dataclass(frozen=True)
class Pretrain:
    """G learns to make each training image of a latent of its own, from 4 x 4 up; D to tell these from the real ones.

    Attributes:
        distance: what G minimises, ``(made, target) -> [B]``, or an object with ``on(dataset)`` that gives it
            and ``check(dataset)`` that raises a ``UserError`` where it cannot.
        rule: ``rule(lr=...)``: how both move; begun anew in each phase.
        epochs: of G at each size; a list has one for each.
        lr: learning rate of G, likewise.
        discriminator_epochs: of D; 0: it is not pre-trained.
        discriminator_lr: its learning rate.
        fade: the share of a stage in which its new layers are faded in; 0: they are there at once, as in the text.
        batch_size: of both.
    """

    alone: ClassVar[str | None] = "pre-training is of one run"

    distance: Any = l1
    rule: Callable[..., UpdateRule] = field(default=partial(Adam, beta1=0.5, beta2=0.999))
    epochs: int | Sequence[int] = 10
    lr: float | Sequence[float] = 1e-3
    discriminator_epochs: int = 10
    discriminator_lr: float = 1e-3
    fade: float = 0.0
    batch_size: int = 256

    def check(self, networks: Mapping[str, nn.Module], dataset: Dataset) -> None:
        """Raise a ``UserError`` where the networks or the data do not fit, or a setting is out of its range."""
        if len(dataset.shape) != 3:
            raise bad_value("scheme", "pretrain", "needs images; this data set has vectors", ["none"])
        example = dataset.batch(0, "pretrain/check", 0, 1, device="cpu", dtype=_dtype(networks["generator"]))
        if "index" not in example:
            problem = "needs a finite data set: each of its images has a latent of its own"
            raise bad_value("scheme", "pretrain", problem, ["none"])
        self.phases(as_growing(networks["generator"], tuple(dataset.shape)).sizes, dataset.num_data)
        if not hasattr(self.distance, "on"):
            is_callable("scheme.distance", self.distance)
        if hasattr(self.distance, "check"):
            self.distance.check(dataset)

    def growth(self, networks: Mapping[str, nn.Module], per_iteration: float) -> None:
        """The game has the whole networks."""

    def before(self, dataset: Dataset) -> Callable[["GANModule", "RunContext"], None]:
        """Return all phases."""
        from steadygan.training.schemes.pretraining import pretrain

        distance = self.distance.on(dataset) if hasattr(self.distance, "on") else self.distance
        return partial(pretrain, self, distance)

    def phases(self, sizes: Sequence[int], num_data: int) -> tuple[Phase, ...]:
        """Return the phases in order, without those of 0 epochs.

        Args:
            sizes: of the generator's images, stage by stage.
            num_data: examples.

        Raises:
            UserError: a setting is out of its range.
        """
        epochs, rates = _each("epochs", self.epochs, len(sizes)), _each("lr", self.lr, len(sizes))
        wanted: list[tuple[str, int | None, int, Number, Number]] = [
            *(("generator", *of_stage) for of_stage in zip(range(len(sizes)), sizes, epochs, rates)),
            ("discriminator", None, sizes[-1], self.discriminator_epochs, self.discriminator_lr),
        ]
        phases = []
        for player, stage, size, times, lr in wanted:
            prefix = "discriminator_" if stage is None else ""
            _check(f"scheme.{prefix}epochs", times, whole=True)
            _check(f"scheme.{prefix}lr", lr)
            steps = -(-int(times) * num_data // self.batch_size)
            phases.append(Phase(player, stage, size, int(times), steps, self._rule(lr)))
        return tuple(phase for phase in phases if phase.epochs)

    def _rule(self, lr: Number) -> UpdateRule:
        is_callable("scheme.rule", self.rule)
        try:
            rule = self.rule(lr=lr)
        except TypeError as error:
            raise UserError(f"scheme.rule: {error}") from error
        has_members("optimizer", "scheme.rule", rule)
        if rule.noisy or rule.per_sample:
            problem = "pre-training has neither noise nor gradients of single examples for it"
            raise bad_value("scheme.rule", type(rule).__name__, problem, ["Adam", "AdamW", "RMSprop", "SGD"])
        return rule

    def record(self, directory: Path, rows: Sequence[Row], seconds: float, growth: Growth | None) -> Tree:
        """Return each phase so far (epochs, seconds, first and last loss), and the seconds of the game."""
        phases: list[Tree] = []
        before, spent, size = 0.0, 0.0, None
        for row in files.read_rows(directory / files.PRETRAINING):
            name, size, spent = row["phase"], int(row["size"]), float(row["seconds"])
            if not phases or (phases[-1]["phase"], phases[-1]["size"]) != (name, size):
                before = 0.0 if not phases else before + phases[-1]["seconds"]
                phases.append({"phase": name, "size": size, "first_loss": float(row["loss"])})
            phases[-1] |= {"epochs": int(row["epoch"]), "seconds": spent - before, "loss": float(row["loss"])}
        game = [{"phase": "game", "size": size, "seconds": max(seconds - spent, 0.0)}] if rows else []
        return {"name": "pretrain", "phases": [*phases, *game]}


def _dtype(network: nn.Module) -> torch.dtype:
    return next(network.parameters()).dtype


def _each(key: str, value: object, stages: int) -> Sequence[Number]:
    if is_number(value):
        return [value] * stages
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != stages:
        raise bad_value(f"scheme.{key}", value, f"must be a number, or a list with one for each of the {stages} sizes")
    return value


def _check(key: str, value: Number, whole: bool = False) -> None:
    fits = is_number(value) and (value >= 0 and value == int(value) if whole else 0 < value < float("inf"))
    if not fits:
        words = "must be a whole number of at least 0" if whole else "must be finite and greater than 0"
        raise bad_value(key, value, words)
