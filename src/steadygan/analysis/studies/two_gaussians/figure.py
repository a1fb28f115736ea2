"""The figure of ``steadygan theory two-gaussians``."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

from steadygan.analysis.studies.output import Record
from steadygan.analysis.studies.two_gaussians.settings import Settings
from steadygan.figures.spec import Axis, Band, Figure, Line, Mark, Panel
from steadygan.figures.style import COLOURS, Style

LABELS = {"discriminator": "discriminator", "wgan": "WGAN critic, clipped", "wgan_gp": "WGAN-GP critic"}


def figure(results: Sequence[Record], s: Settings) -> Figure:
    """Return both distributions and the critics, each over its own range; below, what slope each has."""
    x = np.array(results[0]["x"])
    values: list[Mark] = []
    slopes: list[Mark] = []
    for mean, label, colour in ((s.real_mean, "data", COLOURS[5]), (s.fake_mean, "generated", COLOURS[2])):
        density = norm.pdf(x, mean, s.std)
        values.append(Band(x=x, low=0 * x, high=density / density.max() / 2, style=Style(colour), name=label))
    for one, colour in zip(results, (COLOURS[0], COLOURS[1], COLOURS[3])):
        value, style, label = np.array(one["value"]), Style(colour), LABELS[one["method"]]
        low, high = (0, 1) if one["optimal"] else (value.min(), value.max())
        values.append(Line(x=x, y=(value - low) / max(high - low, 1e-12), style=style, name=label))
        slopes.append(Line(x=x, y=np.maximum(np.abs(one["slope"]), 1e-8), style=style, name=label))
        if one["optimal"]:
            values.append(Line(x=x, y=one["optimal"], style=Style("#000000", "dot"), name="p / (p + q)"))
    upper = Panel(values, y=Axis("value, over its range"))
    return Figure([upper, Panel(slopes, Axis("x"), Axis("size of the slope", "log"))], width=9, height=5.4, shared=True)
