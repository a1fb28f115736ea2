"""The keys of ``steadygan stability``; no torch, so that help is there at once."""

from dataclasses import dataclass
from typing import Annotated

from steadygan.common.errors import bad_value
from steadygan.common.ranges import Count, at_least, nonnegative, positive
from steadygan.common.typed import check_fields

DENSE_LIMIT = 3000
"""Rows up to which ``dense=auto`` writes a Jacobian out: its eigenvalues take some minutes there."""

WAYS = ("auto", "true", "false")


@dataclass(frozen=True)
class Settings:
    """Settings of the analysis, and the thresholds from which a number counts.

    Attributes:
        checkpoint: which: last, best, or an iteration whose checkpoint was kept (keep_checkpoints).
        size: examples of the fixed batch, drawn by (seed, stream); 0 is 4,096 points or 256 images.
        count: eigenvalues of each kind, where not all are computed.
        dense: write the Jacobian out: auto (up to 3,000 rows), true or false.
        budget: products with vectors that the search for one kind may take.
        zero: share of the largest modulus up to which an eigenvalue counts as 0.
        near: share of the field's norm at the start that is near an equilibrium.
        slack: share of the largest modulus that a real part may have where the field is as long as at the start.
        turns: turns while a mode falls by e from which on it rotates.
        path: where the path begins: initial, or as for checkpoint.
        points: on the path.
        probes: random vectors for the share of rotation.
    """

    checkpoint: str = "last"
    size: Annotated[int, at_least(0)] = 0
    count: Count = 6
    dense: str = "auto"
    budget: Annotated[int, at_least(20)] = 600
    zero: Annotated[float, positive] = 1e-4
    near: Annotated[float, nonnegative] = 0.1
    slack: Annotated[float, nonnegative] = 0.05
    turns: Annotated[float, positive] = 10.0
    path: str = "initial"
    points: Annotated[int, at_least(3)] = 49
    probes: Count = 8

    def __post_init__(self) -> None:
        check_fields(self)
        if self.dense.lower() not in WAYS:
            raise bad_value("dense", self.dense, "no such choice", WAYS)

    def examples(self, shape: tuple[int, ...]) -> int:
        """Return the batch size for examples of this shape."""
        return self.size or (4096 if len(shape) == 1 else 256)

    def writes_out(self, rows: int) -> bool:
        """Return whether a matrix of so many rows is written out."""
        return self.dense.lower() == "true" or (self.dense.lower() == "auto" and rows <= DENSE_LIMIT)
