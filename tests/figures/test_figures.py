"""One description of a figure, drawn for a page and as a PNG: both show the same."""

import numpy as np
import pytest
from PIL import Image

from steadygan.figures import png
from steadygan.figures.page import height, menu, play, plot
from steadygan.figures.spec import (
    Animation,
    Axis,
    Band,
    Colours,
    Figure,
    HeatMap,
    Level,
    Line,
    Panel,
    Points,
    arrows,
)
from steadygan.figures.style import COLOURS, Style, styles

X = [1.0, 2.0, 4.0]


def figure(**marks):
    """A line with its band, points and a level, on a logarithmic axis."""
    line = Line(x=X, y=[3.0, np.nan, 1.0], name="a <b>", style=Style(COLOURS[1], "dash"), **marks)
    band = Band(x=X, low=[2.0, 2.0, 0.0], high=[4.0, 3.0, 2.0], style=line.style, **marks)
    points = Points(x=X, y=[1.0, 2.0, 3.0], symbols=["x", "circle", "circle-open"], name="points")
    level = Level(value=5.0, text="failed")
    return Figure([Panel([band, line, points, level], Axis("x", "log", limits=(1, 10)), Axis("y"), "title")])


def test_both_show_the_same_lines_points_and_areas():
    drawn, (axes,) = plot(figure()), png.draw(figure(), 80)[1]
    band, line, points = drawn.data
    np.testing.assert_array_equal(line.y, axes.lines[0].get_ydata())
    np.testing.assert_array_equal(
        np.sort(points.y), np.sort(np.concatenate([each.get_ydata() for each in axes.lines[1:4]]))
    )
    low, high = axes.collections[0].get_datalim(axes.transData).get_points()[:, 1]
    assert (low, high) == (min(band.y), max(band.y)) == (0, 4)
    assert line.line.color == axes.lines[0].get_color() == COLOURS[1]
    assert (line.line.dash, axes.lines[0].get_linestyle()) == ("dash", "--")
    assert drawn.layout.shapes[0].y0 == axes.lines[-1].get_ydata()[0] == 5
    assert drawn.layout.annotations[-1].text == axes.texts[0].get_text() == "failed"
    assert (drawn.layout.xaxis.type, axes.get_xscale()) == ("log", "log")
    np.testing.assert_allclose(10 ** np.array(drawn.layout.xaxis.range), axes.get_xlim())
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a <b>", "points"]
    assert [trace.name for trace in drawn.data if trace.showlegend] == ["a &lt;b&gt;", "points"]
    assert drawn.layout.height == height(figure())


def test_methods_that_are_not_visible_are_hidden_on_the_page_and_not_in_pngs():
    hidden = figure(method="m", visible=False)
    assert [(trace.meta, trace.visible) for trace in plot(hidden).data] == [("m", False), ("m", False), (None, None)]
    (axes,) = png.draw(hidden, 80)[1]
    assert len(axes.collections) == 0
    assert len(axes.lines) == 4  # the points, by symbol, and the level


def test_heat_maps_have_the_same_values_texts_and_colours():
    values, texts = np.array([[0.0, np.nan], [2.0, 4.0]]), [["0", ""], ["2", "4"]]
    shown = HeatMap(values=values, texts=texts, hovers=texts)
    ticks = Axis(ticks=[(0, "a"), (1, "b")])
    made = Figure([Panel([shown], ticks, ticks)], colours=Colours("score", (0, 4), large_is_dark=True))
    (trace,), (axes,) = plot(made).data, png.draw(made, 80)[1]
    np.testing.assert_array_equal(np.array(trace.z, float), values)
    np.testing.assert_array_equal(np.ma.filled(axes.images[0].get_array(), np.nan), values)
    assert axes.images[0].get_clim() == (0, 4)
    assert [text.get_text() for text in axes.texts] == ["0", "", "2", "4"]
    assert axes.texts[-1].get_color() == "white", "large is dark"
    assert plot(made).layout.coloraxis.reversescale is True
    assert (
        [label.get_text() for label in axes.get_xticklabels()] == list(plot(made).layout.xaxis.ticktext) == ["a", "b"]
    )


def test_panels_share_names_and_a_menu_shows_one_of_them():
    line, x = Line(x=X, y=X, name="both"), Axis("x")
    made = Figure([Panel([line], x, title=f"{name}\nmore") for name in "abc"], columns=2)
    assert [trace.showlegend for trace in plot(made).data] == [True, False, False]
    axes = png.draw(made, 80)[1]
    assert [each.get_visible() for each in axes] == [True, True, True, False]
    chosen = menu(made)
    assert [trace.visible for trace in chosen.data] == [True, False, False]
    assert [button.args[0]["visible"] for button in chosen.layout.updatemenus[0].buttons] == np.eye(
        3, dtype=bool
    ).tolist()
    assert chosen.layout.updatemenus[0].buttons[1].label == "b"


def test_animations_move_what_moves(tmp_path):
    still = Figure([Panel([Points(x=[0.0], y=[0.0], name="still")], Axis(limits=(-1, 2)), Axis(limits=(-1, 2)))])
    frames = [[[Line(x=[0.0, t], y=[0.0, t])]] for t in (1.0, 2.0)]
    animation = Animation(still, [0, 10], frames)
    played = play(animation)
    assert [frame.name for frame in played.frames] == ["0", "10"]
    assert [frame.traces for frame in played.frames] == [(0,), (0,)]
    assert [frame.data[0].x[-1] for frame in played.frames] == [1, 2]
    png.save_gif(animation, tmp_path / "a.gif")
    png.save(animation.still(-1), tmp_path / "deep" / "a.png")
    with Image.open(tmp_path / "a.gif") as gif:
        first = np.asarray(gif.convert("L")).copy()
        gif.seek(1)
        assert gif.n_frames == 2
        assert (np.asarray(gif.convert("L")) != first).any()
    assert (tmp_path / "deep" / "a.png").read_bytes().startswith(b"\x89PNG")


def test_arrows_have_one_length_and_point_along():
    line = arrows(np.zeros((2, 2)), np.array([[3.0, 0.0], [0.0, -5.0]]), 0.5, Style())
    ends = np.stack([line.x, line.y], 1).reshape(2, 6, 2)
    np.testing.assert_allclose(ends[:, 1], [[0.5, 0], [0, -0.5]])
    assert np.isnan(ends[:, -1]).all()


@pytest.mark.parametrize("count", [1, 8, 9, 40])
def test_styles_differ_as_long_as_they_can(count):
    made = styles(map(str, range(count)))
    assert len(set(made.values())) == min(count, 32)
