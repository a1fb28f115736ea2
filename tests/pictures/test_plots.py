"""Pictures of points: what is drawn is what was given."""

import numpy as np
import pytest
import torch
from PIL import Image

from steadygan.pictures import bars, canvas, field, interpolation_plot, levels, plane, samples


def bowl(x):
    """Gradient ``(-2 x, -4 y)``."""
    return -(x[:, 0] ** 2) - 2 * x[:, 1] ** 2


REAL = torch.tensor([[-1.0, -1.0], [1.0, 1.0], [0.5, -0.5]], dtype=torch.float64)


def test_gradients_are_each_points_own():
    x = torch.tensor([[1.0, 2.0], [-3.0, 0.5]], dtype=torch.float64)
    with torch.no_grad():
        found = field.gradients(bowl, x)
    torch.testing.assert_close(found, torch.stack([-2 * x[:, 0], -4 * x[:, 1]], 1))
    assert not x.requires_grad


def test_arrows_point_along_the_gradient_and_tell_its_size():
    drawn = field.draw(REAL, bowl)
    (arrows,) = [item for item in drawn.collections if hasattr(item, "U")]
    x, y = arrows.XY.T
    low, high = canvas.limits(REAL)
    assert len(x) == field.ARROWS**2 - 1  # the middle has no gradient, and no arrow
    assert (x.min(), x.max()) == pytest.approx((low, high))
    u, v = -2 * x, -4 * y
    norm = np.hypot(u, v)
    assert np.allclose(arrows.U, u / norm)
    assert np.allclose(arrows.V, v / norm)
    assert np.allclose(arrows.get_array(), np.log10(norm))


def test_a_critic_without_a_gradient_has_no_arrows(tmp_path):
    field.field(tmp_path / "field.png", REAL, lambda x: 0 * x.sum(1))
    assert not [item for item in field.draw(REAL, lambda x: 0 * x.sum(1)).collections if hasattr(item, "U")]
    assert Image.open(tmp_path / "field.png").size == (320, 320)


def test_bars_have_the_counts_and_lines_the_shares(tmp_path):
    counts = torch.tensor([30, 6, 25, 0])
    drawn = bars.draw(counts, 100, 0.25)
    assert [bar.get_height() for bar in drawn.patches] == [30, 6, 25, 0]
    assert [line.get_ydata()[0] for line in drawn.lines] == [25, 6.25]
    colours = [bar.get_facecolor() for bar in drawn.patches]
    assert colours[0] == colours[2] != colours[1] == colours[3]
    assert drawn.get_title() == "2 of 4 modes covered; 61.0% of samples in a mode"
    bars.bars(tmp_path / "bars.png", counts, 100, 0.25)
    pixels = np.asarray(Image.open(tmp_path / "bars.png").convert("RGB"))
    green = (pixels == (0, 158, 115)).all(-1).sum(0)  # the height of green in each column of pixels
    tall, middle = green[green > 0].max(), green[green > 20].min()
    assert tall / middle == pytest.approx(30 / 25, rel=0.03)


def test_ways_are_drawn_as_they_are(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(interpolation_plot, "save", lambda path, drawn: shown.append(drawn))
    made = torch.stack([torch.linspace(0, 1, 6).outer(end) for end in torch.tensor([[1.0, -1.0], [-0.5, 0.25]])])
    interpolation_plot.plot(tmp_path / "a.png", REAL, made)
    interpolation_plot.plot(tmp_path / "b.png", REAL[:, :1], made[..., :1])
    for line, way in zip(shown[0].lines, made, strict=True):
        assert np.allclose(line.get_xydata(), way)
    for line, way in zip(shown[1].lines, made, strict=True):
        assert np.allclose(line.get_xydata(), np.stack([np.linspace(0, 1, 6), way[:, 0]], 1))


def test_more_than_two_coordinates_are_cut_through_the_mean_of_the_rest(tmp_path, monkeypatch):
    seen = {}
    monkeypatch.setattr(plane, "plane", lambda path, real, fake, logits: seen.update(logits=logits))
    real = torch.tensor([[0.0, 0.0, 2.0, 5.0], [1.0, 1.0, 4.0, 7.0]])
    samples.points(tmp_path / "x.png", real, real, lambda x: x @ torch.tensor([1.0, 10.0, 100.0, 1000.0]))
    torch.testing.assert_close(seen["logits"], plane.lattice(real, real.dtype) @ torch.tensor([1.0, 10.0]) + 6300)


@pytest.mark.filterwarnings("error")
def test_points_of_five_dimensions_that_are_not_finite_are_a_picture_all_the_same(tmp_path):
    real = torch.randn(50, 5, generator=torch.Generator().manual_seed(0))
    fake = torch.full((50, 5), torch.nan)
    samples.points(tmp_path / "x.png", real, fake, lambda x: x.sum(1))
    samples.points(tmp_path / "y.png", real[:, :1], fake[:, :1], lambda x: x.sum(1) * torch.nan)
    for name in ("x.png", "y.png"):
        assert np.asarray(Image.open(tmp_path / name)).std() > 0


def test_noise_levels_are_those_of_the_rows_and_logarithmic_over_decades():
    rows = [
        {"iteration": "10", "rule/generator/noise_level": "2.0", "rule/discriminator/noise_level": "", "loss/x": "1"},
        {"iteration": "20", "rule/generator/noise_level": "nan", "rule/discriminator/noise_level": "0.5"},
        {"iteration": "30", "rule/generator/noise_level": "3.0", "rule/discriminator/noise_level": "0.6"},
    ]
    found = levels.curves(rows)
    assert found == {"generator": ([10, 30], [2.0, 3.0]), "discriminator": ([20, 30], [0.5, 0.6])}
    assert levels.draw(found).get_yscale() == "linear"
    assert levels.draw({"generator": ([1, 2], [0.01, 5.0])}).get_yscale() == "log"
    assert levels.draw({"generator": ([1, 2], [0.0, 5.0])}).get_yscale() == "linear"
