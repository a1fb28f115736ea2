"""Sheets of images: the right image at the right place, to the pixel."""

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import pairwise_distances

from steadygan.data.digits import Digits
from steadygan.pictures import classes, grid, neighbours

SIDE, CELL = 32, 34
"""8 x 8 pixels enlarged four times, and the distance from one to the next."""


def cell(sheet, row, column, gap=2):
    """The 8 x 8 pixels at a place, checked to be enlarged evenly."""
    top, left = gap + row * CELL, gap + column * CELL
    shown = sheet[top : top + SIDE, left : left + SIDE]
    small = shown[::4, ::4]
    assert np.array_equal(small.repeat(4, 0).repeat(4, 1), shown)
    assert (small == small[..., :1]).all()
    return small[..., 0]


def levels(image):
    return np.rint((image[0].numpy().astype(np.float64) + 1) * 127.5).astype(np.uint8)


@pytest.fixture(scope="module")
def examples():
    return Digits().examples("train")


def test_a_grid_holds_each_image_at_its_place(examples, tmp_path):
    images = examples[0][:7]
    grid.save(tmp_path / "grid.png", grid.grid(images))
    sheet = np.asarray(Image.open(tmp_path / "grid.png"))
    assert sheet.shape == (3 * CELL + 2, 3 * CELL + 2, 3)
    for index in range(7):
        assert np.array_equal(cell(sheet, index // 3, index % 3), levels(images[index]))
    assert (cell(sheet, 2, 1) == 255).all()
    assert (sheet[:2] == 255).all()
    assert (sheet[34:36] == 255).all()


def test_colours_and_values_outside_the_range():
    image = torch.tensor([-5.0, 0.0, 5.0])[:, None, None].expand(3, 32, 32)
    assert grid.grid(image[None])[2, 2].tolist() == [0, 128, 255]


def test_the_nearest_example_of_an_example_is_itself(examples):
    x = examples[0]
    chosen = torch.tensor([5, 700, 31])
    found = neighbours.nearest(x[chosen], x, 4)
    assert found[:, 0].tolist() == chosen.tolist()
    distances = pairwise_distances(x[chosen].flatten(1), x.flatten(1))
    assert np.array_equal(found, distances.argsort(1)[:, :4])
    for size in (100, 1000, len(x)):
        assert np.array_equal(neighbours.nearest_of_parts(x[chosen], x.split(size), 4), found)
    assert neighbours.nearest_of_parts(x[chosen], x[:3].split(2), 4).shape == (3, 3)
    sheet = neighbours.sheet(x[chosen], x, found)
    assert sheet.shape[1] == 2 + CELL + 2 + 4 * CELL
    for row, index in enumerate(chosen):
        assert np.array_equal(cell(sheet, row, 0), levels(x[index]))
        assert np.array_equal(cell(sheet[:, CELL + 2 :], row, 0), levels(x[index]))
        assert np.array_equal(cell(sheet[:, CELL + 2 :], row, 3), levels(x[found[row, 3]]))
    assert not np.array_equal(cell(sheet[:, CELL + 2 :], 0, 1), levels(x[5]))


def test_no_more_neighbours_than_examples(examples):
    assert neighbours.nearest(examples[0][:2], examples[0][:3], 5).shape == (2, 3)


def test_classes_have_a_row_each_and_a_class_never_made_an_empty_one(examples):
    x, _ = examples
    made = x[100:125]
    labels = torch.tensor([2] * 12 + [0] * 3 + [2] * 10)
    sheet = classes.sheet(made, labels, x[:4])
    own, samples = sheet[:, : CELL + 2], sheet[:, CELL + 2 :]
    for row in range(4):
        assert np.array_equal(cell(own, row, 0), levels(x[row]))
    assert [np.array_equal(cell(samples, 2, column), levels(made[column])) for column in range(10)] == [True] * 10
    assert [np.array_equal(cell(samples, 0, column), levels(made[12 + column])) for column in range(3)] == [True] * 3
    blank = [(row, column) for row in range(4) for column in range(10) if (cell(samples, row, column) == 255).all()]
    assert blank == [
        (row, column) for row in range(4) for column in range(10) if column >= {0: 3, 1: 0, 2: 10, 3: 0}[row]
    ]


@pytest.mark.parametrize(("shape", "expected"), [((1, 8, 8), 4096), ((3, 64, 64), 4096), ((3, 256, 256), 1008)])
def test_what_a_grid_can_hold(shape, expected):
    assert grid.most(shape) == expected
    assert expected == 4096 or expected * 258 * 258 <= 2**26 < (expected + 1) * 258 * 258
