"""Figures as PNG and GIF, for slides and papers (matplotlib, white ground)."""

from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure as Drawn
from PIL import Image

from steadygan.figures.spec import Animation, Axis, Band, Colours, Figure, HeatMap, Level, Line, Mark, Panel, Points
from steadygan.figures.style import DASHES, SYMBOLS
from steadygan.runs.files import write_atomically

DPI, GIF_DPI = 130, 75
LONGEST, LONGEST_TITLE = 48, 80
"""Characters of a label and of an axis' title: longer ones would leave no room for the axes."""
_MOST_IN_LEGEND = 16


def save(figure: Figure, path: Path) -> Path:
    """Write a PNG, or an SVG where the path ends so, whole or not at all; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn = draw(figure, DPI)[0].figure
    if path.suffix == ".svg":
        with rc_context({"svg.hashsalt": path.stem}):
            write_atomically(path, lambda file: drawn.savefig(file, format="svg", metadata={"Date": None}))
    else:
        write_atomically(path, lambda file: drawn.savefig(file, format="png"))
    return path


def save_gif(animation: Animation, path: Path, frame_ms: int = 150) -> None:
    """Write all frames of an animation."""
    canvas, axes = draw(animation.still(0), GIF_DPI)
    canvas.draw()
    canvas.figure.set_layout_engine("none")
    for each in axes:
        for artist in [*each.lines, *each.collections]:
            artist.remove()
    for each, panel in zip(axes, animation.figure.panels):
        _marks(each, panel.marks, None)
    pictures = []
    for iteration, frame in zip(animation.iterations, animation.frames):
        moving = [artist for each, marks in zip(axes, frame) for artist in _marks(each, marks, None)]
        canvas.figure.suptitle(f"iteration {iteration}", fontsize="small")
        canvas.draw()
        pictures.append(Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB"))
        for artist in moving:
            artist.remove()

    def write(file: IO[bytes]) -> None:
        first, *rest = pictures
        first.save(file, format="gif", save_all=True, append_images=rest, duration=frame_ms, loop=0)

    write_atomically(path, write)


def plain(name: str, longest: int = LONGEST) -> str:
    """Return a short label without mathematics, and not hidden (matplotlib leaves out labels that start with _)."""
    name = name if len(name) <= longest else f"{name[: longest - 1]}…"
    return (" " if name.startswith("_") else "") + name.replace("$", r"\$")


def draw(figure: Figure, dpi: int) -> tuple[FigureCanvasAgg, list[Axes]]:
    """Return the figure on its canvas, and its axes, those of panels that are not there included."""
    # Not pyplot: its figures live until they are closed, and it picks a window system.
    drawn = Drawn(figsize=(figure.width, figure.height), dpi=dpi, layout="constrained")
    canvas = FigureCanvasAgg(drawn)
    rows = -(-len(figure.panels) // figure.columns)
    sharey = "row" if figure.shared else False
    grid = drawn.subplots(rows, figure.columns, sharex=figure.shared, sharey=sharey, squeeze=False)
    axes = list(grid.flat)
    for each, panel in zip(axes, figure.panels):
        _panel(each, panel, figure.colours)
    for each in axes[len(figure.panels) :]:
        each.set_visible(False)
    small = "medium" if len(axes) == 1 else "small"
    drawn.suptitle(plain(figure.title, LONGEST_TITLE), fontsize=small)
    drawn.supxlabel(plain(figure.x_title), fontsize=small)
    drawn.supylabel(plain(figure.y_title), fontsize=small)
    if figure.colours:
        drawn.colorbar(_colours(figure.colours), ax=axes, label=plain(figure.colours.title))
    _legend(drawn, axes)
    return canvas, axes


def _panel(axes: Axes, panel: Panel, colours: Colours | None) -> None:
    if colours is None:
        axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize="small")
    _marks(axes, panel.marks, colours)
    axes.set_title(panel.title.replace("$", r"\$"), fontsize="small")
    for side, axis in (("x", panel.x), ("y", panel.y)):
        _axis(axes, side, axis)
    if panel.square:
        axes.set_aspect("equal")


def _axis(axes: Axes, side: str, axis: Axis) -> None:
    linear = {"linthresh": axis.linear} if axis.scale == "symlog" else {}
    getattr(axes, f"set_{side}scale")(axis.scale, **linear)
    getattr(axes, f"set_{side}label")(plain(axis.title, LONGEST_TITLE), fontsize="small")
    if axis.ticks is not None:
        crowded = side == "x" and len(axis.ticks) * max((len(text) for _, text in axis.ticks), default=0) > 40
        places, texts = [place for place, _ in axis.ticks], [plain(text) for _, text in axis.ticks]
        getattr(axes, f"set_{side}ticks")(places, texts, rotation=60 if crowded else 0)
        getattr(axes, f"{side}axis").set_minor_formatter("")
    if axis.limits is not None:
        getattr(axes, f"set_{side}lim")(*axis.limits)


def _marks(axes: Axes, marks: Sequence[Mark], colours: Colours | None) -> list[Artist]:
    return [artist for mark in marks if mark.visible for artist in _artists(axes, mark, colours)]


def _artists(axes: Axes, mark: Mark, colours: Colours | None) -> list[Artist]:
    colour, label = mark.style.colour, plain(mark.name) if mark.name else None
    match mark:
        case Line():
            symbol = SYMBOLS[mark.style.symbol] if mark.size else None
            return [*axes.plot(np.asarray(mark.x), np.asarray(mark.y), DASHES[mark.style.dash][0], color=colour,
                               marker=symbol, markersize=mark.size, linewidth=mark.width, label=label)]  # fmt: skip
        case Band():
            low, high = np.asarray(mark.low), np.asarray(mark.high)
            return [axes.fill_between(np.asarray(mark.x), low, high, color=colour, alpha=0.18, lw=0, label=label)]
        case Points():
            return _points(axes, mark, label)
        case Level():
            return _level(axes, mark)
        case HeatMap() if colours:
            return _heat_map(axes, mark, _colours(colours))
    raise TypeError(mark)


def _points(axes: Axes, mark: Points, label: str | None) -> list[Artist]:
    x, y = np.asarray(mark.x, float), np.asarray(mark.y, float)
    symbols = np.array(mark.symbols or [mark.style.symbol] * len(x), dtype=object)
    colours = np.array(mark.colours or [mark.style.colour] * len(x), dtype=object)
    artists: list[Artist] = []
    if mark.ends is not None:
        low, high = np.asarray(mark.ends, float)
        artists.append(axes.hlines(y, low, high, color=mark.style.colour))
    for symbol, colour in dict.fromkeys(zip(symbols, colours)) or [(mark.style.symbol, mark.style.colour)]:
        chosen = (symbols == symbol) & (colours == colour)
        bare = symbol.removesuffix("-open")
        filled = "none" if bare != symbol else "full"
        artists += axes.plot(x[chosen], y[chosen], SYMBOLS[bare], color=colour, fillstyle=filled, alpha=mark.opacity,
                             markersize=mark.size, markeredgewidth=0 if filled == "full" and bare != "line-ns" else 1.5,
                             label=label)  # fmt: skip
        label = None
    return artists


def _level(axes: Axes, mark: Level) -> list[Artist]:
    look = {"linestyle": ":", "color": mark.style.colour, "linewidth": 1}
    if mark.axis == "x":
        text = axes.text(mark.value, 1.0, mark.text, transform=axes.get_xaxis_transform(), ha="center", va="bottom")
        artists = [axes.axvline(mark.value, **look), text]
    else:
        text = axes.text(0.01, mark.value, mark.text, transform=axes.get_yaxis_transform(), va="bottom")
        artists = [axes.axhline(mark.value, **look), text]
    text.set_fontsize("x-small")
    return artists


def _colours(colours: Colours) -> ScalarMappable:
    """Return the map from values to colours: dark is good."""
    return ScalarMappable(Normalize(*(colours.limits or (0, 1))), "viridis_r" if colours.large_is_dark else "viridis")


def _heat_map(axes: Axes, mark: HeatMap, scale: ScalarMappable) -> list[Artist]:
    limits = dict(zip(("vmin", "vmax"), scale.get_clim()))
    image = axes.imshow(np.ma.masked_invalid(mark.values), origin="lower", aspect="auto", cmap=scale.cmap, **limits)
    artists: list[Artist] = [image]
    for row, (values, colours) in enumerate(zip(mark.values, scale.to_rgba(mark.values))):
        for column, (value, colour) in enumerate(zip(values, np.asarray(colours))):
            ink = "white" if np.isfinite(value) and colour[:3].sum() < 1.5 else "black"
            text = mark.texts[row][column]
            artists.append(axes.text(column, row, text, color=ink, fontsize="x-small", ha="center", va="center"))
    return artists


def _legend(drawn: Drawn, axes: Sequence[Axes]) -> None:
    """Put names into a legend, each once: in the only panel, or below all."""
    handles = {}
    for each in axes:
        for handle, label in zip(*each.get_legend_handles_labels()):
            handles.setdefault(label, handle)
    if len(handles) < 2:
        return
    shown = list(handles.values())[:_MOST_IN_LEGEND], list(handles)[:_MOST_IN_LEGEND]
    if len(axes) == 1:
        axes[0].legend(*shown, frameon=False, fontsize="small")
    else:
        drawn.legend(*shown, frameon=False, fontsize="small", loc="outside lower center", ncols=min(len(handles), 6))
