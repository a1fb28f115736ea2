"""Transforms of images against numpy and scipy; what noise and penalties make of them by hand."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from scipy.ndimage import affine_transform
from scipy.spatial.transform import Rotation
from scipy.stats import binom

from steadygan.common.errors import UserError
from steadygan.core import augment
from steadygan.core.declare import declared
from steadygan.core.noise import Ada, diffaugment
from steadygan.core.noise._ada import GATES, NORMAL, UNIFORM
from steadygan.core.noise._ada import augment as adaptive
from steadygan.core.regularizers import bcr

STILL = {"brightness": 0.0, "saturation": 0.0, "contrast": 0.0, "translation": 0.0, "cutout": 0.0}
USUAL = {"brightness": 0.5, "saturation": 1.0, "contrast": 0.5, "translation": 0.125, "cutout": 0.5}


def images(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def uniform(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def vector(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def test_shifts_are_numpys():
    x = images(3, 2, 5, 6)
    down, right = vector(0, 2, -4), vector(1, -3, 6)
    found = augment.shift(x, down, right)
    for image, own, y, z in zip(x, found, down.int().tolist(), right.int().tolist()):
        padded = np.pad(image.numpy(), ((0, 0), (6, 6), (6, 6)))
        expected = np.roll(padded, (y, z), axis=(1, 2))[:, 6:-6, 6:-6]
        np.testing.assert_array_equal(own.numpy(), expected)


def test_whole_steps_are_all_as_likely():
    u = (torch.arange(7000, dtype=torch.float64) + 0.5) / 7000
    values, counts = augment.whole_steps(u, 3).unique(return_counts=True)
    assert values.tolist() == [-3, -2, -1, 0, 1, 2, 3]
    assert set(counts.tolist()) == {1000}


def test_rounded_steps_are_half_as_likely_at_the_ends():
    """Of a fraction of the side: 32 pixels give +-4 with the ends cut in half, 28 give +-3.5, seven equal parts."""
    u = (torch.arange(5600, dtype=torch.float64) + 0.5) / 5600
    values, counts = augment.rounded_steps(u, 0.125 * 32).unique(return_counts=True)
    assert values.tolist() == list(range(-4, 5))
    assert counts.tolist() == [350, *[700] * 7, 350]
    values, counts = augment.rounded_steps(u, 0.125 * 28).unique(return_counts=True)
    assert values.tolist() == list(range(-3, 4))
    assert set(counts.tolist()) == {800}


def test_mirror_images_and_quarter_turns_are_numpys():
    x = images(4, 3, 5, 5)
    found = augment.flip(x, torch.tensor([True, False, True, False]))
    assert torch.equal(found, torch.stack([x[0].flip(2), x[1], x[2].flip(2), x[3]]))
    turned = augment.quarter_turns(x, torch.arange(4))
    for turns in range(4):
        np.testing.assert_array_equal(turned[turns].numpy(), np.rot90(x[turns].numpy(), turns, axes=(1, 2)))
    oblong = images(4, 1, 3, 5)
    turned = augment.quarter_turns(oblong, torch.arange(4))
    assert torch.equal(turned, torch.stack([oblong[0], oblong[1], oblong[2].flip((1, 2)), oblong[3].flip((1, 2))]))


@pytest.mark.parametrize(
    ("scale", "by"), [((1, 1), (0, 0)), ((1.3, 0.7), (0, 0)), ((1, 1), (2.25, -1.5)), ((0.4, 1.1), (9.3, -7.0))]
)
def test_resampling_is_scipys(scale, by):
    """Linear interpolation, the image going on as its mirror image."""
    x = images(1, 2, 7, 8)
    found = augment.resample(x, *([vector(value) for value in pair] for pair in (scale, by)))
    centre = (np.array([7, 8]) - 1) / 2
    matrix = np.diag(1 / np.array(scale))
    offset = centre - matrix @ (centre + by)
    for channel in range(2):
        expected = affine_transform(x[0, channel].numpy(), matrix, offset, order=1, mode="mirror")
        np.testing.assert_allclose(found[0, channel].numpy(), expected, atol=1e-12)


def test_a_hole_by_hand():
    x = torch.ones(3, 1, 4, 4, dtype=torch.float64)
    found = augment.erase(x, (vector(2, 2, 0), vector(2, 3, 0)), (vector(0.0, 0.99, 0.5), vector(0.5, 0.0, 0.5)))
    # rows: the centre is 0 of 0..4, so -1 and 0; columns: 2 of 0..4, so 1 and 2
    assert found[0, 0].tolist() == [[1, 0, 0, 1], *[[1, 1, 1, 1]] * 3]
    # rows: 4, so 3 and 4; columns: 0 of 0..3, so -1, 0 and 1
    assert found[1, 0].tolist() == [*[[1, 1, 1, 1]] * 3, [0, 0, 1, 1]]
    assert torch.equal(found[2], x[2])


# --- DiffAugment ----------------------------------------------------------------------------------------------------


def by_hand(x, u, brightness, saturation, contrast, translation, cutout):
    """Zhao et al. 2020, one image at a time."""
    made = []
    for image, (b, s, c, down, right, row, column) in zip(x.numpy(), u.tolist()):
        own = image + brightness * (2 * b - 1)
        mean = own.mean(0, keepdims=True)
        own = mean + (1 + saturation * (2 * s - 1)) * (own - mean)
        own = own.mean() + (1 + contrast * (2 * c - 1)) * (own - own.mean())
        size = np.array(own.shape[1:])
        most = (size * translation + 0.5).astype(int)
        by = [math.floor(draw * (2 * m + 1)) - m for draw, m in zip((down, right), most)]
        pad = int(most.max()) + 1
        own = np.roll(np.pad(own, ((0, 0), (pad, pad), (pad, pad))), by, axis=(1, 2))[:, pad:-pad, pad:-pad]
        hole = (size * cutout + 0.5).astype(int)
        first = [math.floor(draw * (n + 1 - h % 2)) - h // 2 for draw, n, h in zip((row, column), size, hole)]
        own = own.copy()
        own[:, max(first[0], 0) : max(first[0] + hole[0], 0), max(first[1], 0) : max(first[1] + hole[1], 0)] = 0
        made.append(torch.from_numpy(own))
    return torch.stack(made)


@pytest.mark.parametrize("size", [(8, 8), (9, 6)])
@pytest.mark.parametrize("channels", [1, 3])
def test_diffaugment_by_hand(size, channels):
    x, u = images(20, channels, *size), uniform(20, 7)
    torch.testing.assert_close(diffaugment(x, u, **USUAL), by_hand(x, u, **USUAL), rtol=1e-12, atol=1e-13)


def test_with_nothing_on_it_is_the_image():
    x = images(5, 3, 8, 8)
    torch.testing.assert_close(diffaugment(x, uniform(5, 7), **STILL), x, rtol=0, atol=1e-14)


NOISES = {
    "diffaugment": (partial(diffaugment, **USUAL), lambda: uniform(3, 7, seed=1)),
    "ada": (partial(adaptive, probability=0.7), lambda: extents(3, seed=1)),
}


@pytest.mark.parametrize(("perturb", "draw"), NOISES.values(), ids=NOISES.keys())
def test_derivatives_of_first_and_second_order(perturb, draw):
    """As R1 through D's input needs them."""
    x, eps = images(3, 3, 4, 4).requires_grad_(), draw()
    assert torch.autograd.gradcheck(lambda x: perturb(x, eps), x)
    assert torch.autograd.gradgradcheck(lambda x: perturb(x, eps).square().sum(), x)


def test_vmap_over_the_numbers_of_diffaugment_is_a_loop():
    x, u = images(4, 3, 8, 8).float(), uniform(4, 7).float()
    grid = torch.tensor([0.0, 0.2, 0.6], dtype=torch.float64)
    mapped = torch.func.vmap(lambda n: diffaugment(x, u, **dict.fromkeys(USUAL, n)))(grid)
    assert mapped.dtype == torch.float32
    looped = torch.stack([diffaugment(x, u, **dict.fromkeys(USUAL, n)) for n in grid.tolist()])
    torch.testing.assert_close(mapped, looped, rtol=0, atol=2e-6)


# --- ADA ------------------------------------------------------------------------------------------------------------


def extents(count, seed=0):
    source = torch.Generator().manual_seed(seed)
    return declared(Ada, "draw")(source, (count, 3, 4, 4), torch.float64)


def test_draws_are_uniform_then_normal():
    drawn = extents(20_000)
    uniforms, normals = drawn.split([GATES + UNIFORM, NORMAL], 1)
    assert 0 <= uniforms.min() < 1e-3 < 0.999 < uniforms.max() < 1
    assert uniforms.mean().item() == pytest.approx(0.5, abs=5e-3)
    assert (normals.mean().item(), normals.std().item()) == pytest.approx((0, 1), abs=1e-2)


def only(gate, **numbers):
    """Draws with one gate open; the others are 1."""
    drawn = torch.ones(1, GATES + UNIFORM + NORMAL, dtype=torch.float64)
    drawn[0, gate] = 0.0
    for place, value in numbers.items():
        drawn[0, int(place[1:]) + {"u": GATES, "n": GATES + UNIFORM}[place[0]]] = value
    return drawn


def test_each_transform_of_ada_by_hand():
    x = images(1, 3, 8, 8)
    made = lambda *args, **numbers: adaptive(x, only(*args, **numbers), probability=0.5)  # noqa: E731
    close = partial(torch.testing.assert_close, rtol=1e-10, atol=1e-12)
    close(adaptive(x, only(0) + 1, probability=0.5), x)
    close(made(0, u0=0.2), x.flip(3))
    close(made(0, u0=0.7), x)
    close(made(1, u1=0.3), torch.rot90(x, 1, (2, 3)))
    inside = made(2, u2=0.99, u3=0.5)
    close(inside[..., 1:, :], x[..., :-1, :])
    close(inside[..., 0, :], x[..., 1, :])  # the mirror image moves in
    close(made(6, n4=1.5), x + 0.3)
    close(made(7, n5=-2.0), 0.5 * x)
    luma = x.mean(1, keepdim=True)
    close(made(8, u4=0.1), x - 2 * luma)
    close(made(10, n6=1.0), luma + 2 * (x - luma))
    close(made(9, u5=0.5 + 1 / 3), x[:, [2, 0, 1]])  # a third of a turn exchanges the channels
    gray = images(1, 1, 8, 8)
    close(adaptive(gray, only(8, u4=0.1), probability=0.5), -gray)
    close(adaptive(gray, only(10, n6=1.0), probability=0.5), gray)
    zoomed = made(3, n0=5.0)  # twice as large about the centre
    expected = affine_transform(x[0, 0].numpy(), [0.5, 0.5], 1.75, order=1, mode="mirror")
    np.testing.assert_allclose(zoomed[0, 0].numpy(), expected, atol=1e-12)
    close(made(11, u6=0.75), torch.rot90(x, -1, (2, 3)))  # a right angle
    assert made(13, u8=0.5, u9=0.0).equal(x)
    holed = adaptive(x, only(13, u8=0.5, u9=0.0), probability=0.5, cutout=1.0)
    assert (holed == 0).all(1)[0].nonzero().tolist() == [[row, column] for row in (2, 3, 4, 5) for column in (0, 1)]


def by_the_paper(image, gates, u, n, p, rotate, colours, cutout):
    """Karras et al. 2020, appendix B, of one image: homogeneous matrices, one after the other."""
    (_, height, width), on = image.shape, lambda gate, share=1.0: gates[gate] < share * p

    def turn(angle):
        return np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])

    def move(down, right):
        return np.array([[1, 0, down], [0, 1, right], [0, 0, 1.0]])

    steps = [np.diag([1, -1 if on(0) and u[0] < 0.5 else 1, 1])]
    steps += [turn(np.pi / 2 * int(4 * u[1]))] if on(1) else []
    steps += (
        [move(*(round((2 * draw - 1) * side / 8) for draw, side in ((u[2], height), (u[3], width))))] if on(2) else []
    )
    size, ratio = 2 ** (0.2 * n[0]) if on(3) else 1, 2 ** (0.2 * n[1]) if on(4) else 1
    steps += [np.diag([size, size, 1])]
    once = 1 - math.sqrt(1 - p)
    angles = [np.pi * (2 * u[6 + i] - 1) if rotate and gates[11 + i] < once else 0 for i in range(2)]
    steps += [turn(angles[0]).T, np.diag([1 / ratio, ratio, 1]), turn(angles[1]).T]
    steps += [move(n[2] * height / 8, n[3] * width / 8)] if on(5) else []
    centre = move((height - 1) / 2, (width - 1) / 2)
    forward = centre @ np.linalg.multi_dot([*steps[::-1], np.eye(3)]) @ np.linalg.inv(centre)
    inverse = np.linalg.inv(forward)
    own = np.stack([affine_transform(c, inverse[:2, :2], inverse[:2, 2], order=1, mode="mirror") for c in image])
    axis = np.ones(3) / math.sqrt(3)
    onto = np.outer(axis, axis)
    pixels = own.reshape(3, -1)
    pixels = pixels + (0.2 * n[4] if on(6, colours) else 0)
    pixels = pixels * (2 ** (0.5 * n[5]) if on(7, colours) else 1)
    pixels = (np.eye(3) - 2 * onto * (on(8, colours) and u[4] < 0.5)) @ pixels
    pixels = Rotation.from_rotvec(axis * (np.pi * (2 * u[5] - 1) if on(9, colours) else 0)).as_matrix() @ pixels
    pixels = (onto + (np.eye(3) - onto) * (2 ** n[6] if on(10, colours) else 1)) @ pixels
    own = pixels.reshape(own.shape)
    if on(13, cutout):
        rows, columns = ((np.arange(side) + 0.5) / side for side in (height, width))
        own = own * ~((abs(rows - u[8]) < 0.25)[:, None] & (abs(columns - u[9]) < 0.25))
    return own


@pytest.mark.parametrize("rotate", [True, False])
def test_all_transforms_together_are_those_of_the_paper(rotate):
    x, drawn = images(60, 3, 16, 16), extents(60, seed=4)
    settings = {"rotate": rotate, "colours": 0.5, "cutout": 0.8}
    found = adaptive(x, drawn, probability=0.8, **settings)
    parts = drawn.split([GATES, UNIFORM, NORMAL], 1)
    for place in range(60):
        expected = by_the_paper(x[place].numpy(), *(part[place].tolist() for part in parts), 0.8, *settings.values())
        np.testing.assert_allclose(found[place].numpy(), expected, atol=1e-9)
    assert (found - x).flatten(1).abs().amax(1).gt(0.1).sum() > 55


def test_the_probability_is_that_of_each_image():
    """At 0 nothing is changed; at p brightness is in so many of the images."""
    x = torch.zeros(4000, 1, 2, 2, dtype=torch.float64)
    assert torch.equal(adaptive(x, extents(4000), probability=0.0), x)
    changed = (adaptive(x, extents(4000), probability=0.3)[:, 0, 0, 0] != 0).sum().item()
    low, high = binom(4000, 0.3).interval(1 - 1e-6)
    assert low <= changed <= high


def test_the_probability_follows_the_signs():
    """Four updates of 10 images over a horizon of 400: a step of 0.1, up where the mean sign is above the target."""
    ada = Ada(start=0.15, target=0.6, interval=4, horizon=400, batch_size=10)
    state, found = ada.init(1, torch.zeros(2, dtype=torch.float64)), []
    for update in range(12):
        logits = torch.ones(20, dtype=torch.float64)
        logits[: 1 if update < 4 else 20] = -1  # a mean sign of 0.9, then of -1
        state = ada.update(state, ada.look(3 * logits))
        found.append(state["probability"].item())
    assert found == pytest.approx([0.15] * 3 + [0.25] * 4 + [0.15] * 4 + [0.05])
    for _ in range(8):
        state = ada.update(state, ada.look(-logits.abs()))
    assert state["probability"].item() == 0.0, "it does not fall below 0"
    assert ada.logs(state) == {"probability": state["probability"]}


def test_vmap_over_the_numbers_of_ada_is_a_loop():
    like = torch.zeros(1, dtype=torch.float32)
    logits = torch.tensor([0.3, 0.1, -0.2, 0.5])
    grid = torch.tensor([0.1, 0.4, 0.9], dtype=torch.float64)
    x, drawn = images(2, 3, 4, 4).float(), extents(2).float()

    def one(number):
        ada = Ada(start=number, target=number, interval=2, horizon=100 * number, batch_size=4)
        state = ada.init(1, like)
        for scale in (1, 1, -1):
            state = ada.update(state, ada.look(scale * logits))
        return ada.perturbation(state)(x, drawn), state

    mapped, state = torch.func.vmap(one)(grid)
    for index, number in enumerate(grid.tolist()):
        expected, own = one(number)
        torch.testing.assert_close(mapped[index], expected, rtol=0, atol=2e-6)
        for name, value in own.items():
            torch.testing.assert_close(state[name][index], value, rtol=0, atol=1e-6)


# --- consistency ----------------------------------------------------------------------------------------------------


def pixel(x):
    """A critic that sees where things are."""
    return (x * torch.arange(x[0].numel(), dtype=x.dtype).view(x.shape[1:])).flatten(1).sum(1)


CONSISTENT = partial(bcr, weight_real=2.0, weight_fake=3.0, shift=2, flip=0.5)


def test_consistency_by_hand():
    real, fake, u = images(6, 2, 5, 5), images(6, 2, 5, 5, seed=1), uniform(6, 6)

    def changed(x, u):
        made = []
        for image, (mirror, down, right) in zip(x.numpy(), u.tolist()):
            own = image[:, :, ::-1] if mirror < 0.5 else image
            by = [math.floor(draw * 5) - 2 for draw in (down, right)]
            made.append(np.roll(np.pad(own, ((0, 0), (2, 2), (2, 2))), by, axis=(1, 2))[:, 2:-2, 2:-2].copy())
        return torch.from_numpy(np.stack(made))

    expected = 2 * (pixel(real) - pixel(changed(real, u[:, :3]))) ** 2
    expected += 3 * (pixel(fake) - pixel(changed(fake, u[:, 3:]))) ** 2
    torch.testing.assert_close(CONSISTENT(pixel, real, fake, u), expected, rtol=1e-12, atol=1e-12)
    blind = lambda x: x.square().flatten(1).sum(1)  # noqa: E731
    mirrored = bcr(blind, real, fake, u, weight_real=2.0, weight_fake=3.0, shift=0, flip=1.0)
    torch.testing.assert_close(mirrored, torch.zeros(6, dtype=torch.float64), rtol=0, atol=1e-20)


def test_gradients_of_consistency_by_the_critics_parameters():
    real, fake, u = images(3, 1, 4, 4), images(3, 1, 4, 4, seed=1), uniform(3, 6)
    w = images(16, seed=2).requires_grad_()
    assert torch.autograd.gradcheck(lambda w: CONSISTENT(lambda x: torch.tanh(x.flatten(1) @ w), real, fake, u), w)


def test_vmap_over_the_numbers_of_consistency_is_a_loop():
    real, fake, u = images(3, 1, 4, 4), images(3, 1, 4, 4, seed=1), uniform(3, 6)
    grid = torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64)

    def value(n):
        return bcr(pixel, real, fake, u, weight_real=n, weight_fake=2 * n, shift=n, flip=n / 2)

    mapped = torch.func.vmap(value)(grid)
    torch.testing.assert_close(mapped, torch.stack([value(n) for n in grid.tolist()]), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("noise=diffaugment", "noise=diffaugment: changes images, and this data set has vectors of 2 numbers"),
        ("noise=ada", "noise=Ada: changes images"),
        ("regularizer=[bcr]", r"regularizer\.bcr=bcr: changes images"),
    ],
)
def test_vectors_are_refused_before_anything_starts(plain, given, words):
    from steadygan.config.building import build

    with pytest.raises(UserError, match=words):
        build(plain("logger=none", given))
