"""The keys of ``steadygan stability``; no torch, so that help is there at once."""

from dataclasses import dataclass

from steadygan.analysis.studies.ranges import check
from steadygan.common.errors import bad_value

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
    size: int = 0
    count: int = 6
    dense: str = "auto"
    budget: int = 600
    zero: float = 1e-4
    near: float = 0.1
    slack: float = 0.05
    turns: float = 10.0
    path: str = "initial"
    points: int = 49
    probes: int = 8

    def __post_init__(self) -> None:
        least = {"size": 0, "count": 1, "budget": 20, "points": 3, "probes": 1, "slack": 0, "near": 0}
        check(self, least=least, above={"zero": 0, "turns": 0})
        if self.dense.lower() not in WAYS:
            raise bad_value("dense", self.dense, "no such choice", WAYS)

    def examples(self, shape: tuple[int, ...]) -> int:
        """Return the batch size for examples of this shape."""
        return self.size or (4096 if len(shape) == 1 else 256)

    def writes_out(self, rows: int) -> bool:
        """Return whether a matrix of so many rows is written out."""
        return self.dense.lower() == "true" or (self.dense.lower() == "auto" and rows <= DENSE_LIMIT)
