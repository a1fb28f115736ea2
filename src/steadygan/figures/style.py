"""Colours, dashes and symbols: the same on a page and in its PNGs.

Okabe and Ito's palette for colour-blind readers, with its black as a grey and its yellow darker, so that all eight
can be seen on white and on black.
"""

from collections.abc import Iterable
from dataclasses import dataclass

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#808080", "#B5A800")
GREY = "#808080"
DASHES = {"solid": ("-", "none"), "dash": ("--", "6 3"), "dot": (":", "2 2"), "dashdot": ("-.", "6 2 2 2")}
"""plotly's name: matplotlib's, and SVG's stroke-dasharray."""
SYMBOLS = {"circle": "o", "square": "s", "diamond": "D", "triangle-up": "^", "x": "X", "cross": "P", "line-ns": "|"}
"""plotly's name: matplotlib's; with ``-open`` behind it, a symbol is not filled."""


@dataclass(frozen=True)
class Style:
    """How something is drawn, in plotly's names."""

    colour: str = GREY
    dash: str = "solid"
    symbol: str = "circle"

    @property
    def dasharray(self) -> str:
        """The dash as SVG's ``stroke-dasharray``."""
        return DASHES[self.dash][1]

    def faint(self, alpha: float = 0.18) -> str:
        """Return the colour with so much opacity, for CSS."""
        red, green, blue = (int(self.colour[start : start + 2], 16) for start in (1, 3, 5))
        return f"rgba({red},{green},{blue},{alpha})"


def styles(names: Iterable[str]) -> dict[str, Style]:
    """Return a style for each name by its position: eight colours, then the same colours dashed."""
    looks = list(zip(DASHES, SYMBOLS))
    turns = ((name, *divmod(index, len(COLOURS))) for index, name in enumerate(names))
    return {name: Style(COLOURS[colour], *looks[turn % len(looks)]) for name, turn, colour in turns}
