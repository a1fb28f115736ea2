"""Colours, dashes and markers of methods: the same everywhere on a page.

Okabe and Ito's palette for colour-blind readers, with its black as a grey and its yellow darker, so that all eight
can be seen on white and on black.
"""

from dataclasses import dataclass

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#808080", "#B5A800")
# plotly's name, matplotlib's name, SVG's stroke-dasharray
DASHES = (("solid", "-", "none"), ("dash", "--", "6 3"), ("dot", ":", "2 2"), ("dashdot", "-.", "6 2 2 2"))
MARKERS = (("circle", "o"), ("square", "s"), ("diamond", "D"), ("triangle-up", "^"))


@dataclass(frozen=True)
class Style:
    """How one method is drawn. ``dash`` and ``marker``: plotly's and matplotlib's names."""

    colour: str
    dash: tuple[str, str, str]
    marker: tuple[str, str]

    def faint(self, alpha: float = 0.18) -> str:
        red, green, blue = (int(self.colour[start : start + 2], 16) for start in (1, 3, 5))
        return f"rgba({red},{green},{blue},{alpha})"


def styles(names: list[str]) -> dict[str, Style]:
    """By position in the order given: eight colours, then the same colours dashed."""
    chosen = {}
    for index, name in enumerate(names):
        turn = index // len(COLOURS)
        pick = turn % len(DASHES)
        chosen[name] = Style(COLOURS[index % len(COLOURS)], DASHES[pick], MARKERS[pick])
    return chosen
