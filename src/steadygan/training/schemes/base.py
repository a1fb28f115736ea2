"""The interface of schemes to engines, and the scheme that does nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from torch import nn

from steadygan.core.declare import signed_as
from steadygan.core.growing import Growth
from steadygan.core.types import Tree
from steadygan.data.base import Dataset

if TYPE_CHECKING:
    from steadygan.training.context import RunContext
    from steadygan.training.module import GANModule

Row = Mapping[str, str]


class Scheme(Protocol):
    """Interface of the object that the group ``scheme`` builds; a frozen dataclass of its settings.

    Attributes:
        alone: why its runs cannot train with others in one program; None where they can.
    """

    alone: ClassVar[str | None]

    def check(self, networks: Mapping[str, nn.Module], dataset: Dataset) -> None:
        """Raise a ``UserError`` for networks or data that it cannot train."""

    def growth(self, networks: Mapping[str, nn.Module], per_iteration: float) -> Growth | None:
        """When the networks grow, where they do.

        Args:
            networks: of both players.
            per_iteration: real images that the moves of the discriminator see in an iteration, on average.
        """

    def before(self, dataset: Dataset) -> Callable[["GANModule", "RunContext"], None] | None:
        """Return what to do before the first iteration, given a ``GANModule`` and its ``RunContext``; None: nothing.

        It returns when it is done, when the run is to stop, or when ``GANModule.diverged_at`` is set.
        """

    def record(self, directory: Path, rows: Sequence[Row], seconds: float, growth: Growth | None) -> Tree | None:
        """Return the scheme's entry in ``summary.json``.

        Args:
            directory: of the run.
            rows: of its ``metrics.csv``.
            seconds: spent on the run.
            growth: what ``growth`` gave.
        """


@signed_as("steadygan.engines.schemes.Plain")
@dataclass(frozen=True)
class Plain:
    """The game from the first iteration to the last."""

    alone: ClassVar[str | None] = None

    def check(self, networks: Mapping[str, nn.Module], dataset: Dataset) -> None:
        """Anything goes."""

    def growth(self, networks: Mapping[str, nn.Module], per_iteration: float) -> None:
        """None."""

    def before(self, dataset: Dataset) -> None:
        """Nothing."""

    def record(self, directory: Path, rows: Sequence[Row], seconds: float, growth: Growth | None) -> None:
        """Nothing."""
