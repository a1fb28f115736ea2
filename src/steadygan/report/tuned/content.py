"""What the pages of a tuned comparison show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from steadygan.report.plots.drawing import Plot
from steadygan.report.tuned.records import Tuned
from steadygan.report.tuned.tables import Standing

Compared = tuple[Tuned, Standing]
"""A comparison, and how the methods stand on one of its data sets."""


@dataclass(frozen=True)
class Content:
    """All that the page shows."""

    name: str
    question: str
    verdicts: Mapping[str, Sequence[str]]
    budget: str
    criterion: str
    methods: Mapping[str, pd.DataFrame]
    settings: pd.DataFrame
    cost: pd.DataFrame
    profile: pd.DataFrame
    plots: Sequence[Plot]
    commands: Sequence[str]

    @property
    def several(self) -> bool:
        """Whether there is more than one data set."""
        return len(self.verdicts) > 1
