"""Eigenvalues without the matrix: random games whose spectrum is planted, against LAPACK on the matrix."""

import numpy as np
import pytest
import torch
from scipy.linalg import block_diag

from steadygan.analysis.linearised import jacobian
from steadygan.theory.spectrum import (
    KINDS,
    Operator,
    antisymmetry,
    balance,
    dense,
    idle,
    matrix,
    nearest,
    of_matrix,
    outermost,
    part,
    ritz,
    scaled,
)


def blocks(pairs, reals):
    """A real matrix with these eigenvalues: complex ones as 2 x 2 rotations."""
    return block_diag(*([[re, im], [-im, re]] for re, im in pairs), np.diag(reals))


def planted(kind, size=120, seed=0):
    """``J`` with the outermost eigenvalues known, in a basis that is orthogonal or far from it."""
    random = np.random.default_rng(seed)
    pairs, reals = [(0.3, 2.5), (-0.4, 3.5), (-0.2, 1.0)], [-9.0, -7.5, 0.8, 0.5]
    rest = random.uniform(-3, 0.1, size - 2 * len(pairs) - len(reals))
    inner = blocks(pairs, [*reals, *rest])
    if kind == "triangular":  # what is above the diagonal changes no eigenvalue, and makes vectors nearly parallel
        inner = inner + np.triu(random.standard_normal((size, size)), 2) * 0.25
    turned, _ = np.linalg.qr(random.standard_normal((size, size)))
    basis = turned if kind != "oblique" else turned @ np.diag(10.0 ** random.uniform(-1.5, 1.5, size)) @ turned.T
    return basis @ inner @ np.linalg.inv(basis), np.linalg.eigvals(inner)


def extreme(values, which, count):
    """The first ``count`` by a word of ``KINDS``."""
    sizes = KINDS[which](values)
    return values[np.argsort(-(np.abs(sizes) if which == "LI" else sizes))[:count]]


@pytest.mark.parametrize("kind", ["orthogonal", "oblique", "triangular"])
@pytest.mark.parametrize("which", KINDS)
def test_matrix_free_is_the_planted_spectrum(kind, which):
    matrix, known = planted(kind)
    found = outermost(of_matrix(matrix), which, 4)
    for value in extreme(known, which, 4):
        assert np.abs(found.values - value).min() < 1e-6, (value, found.values)
    residuals = np.linalg.norm(matrix @ found.vectors - found.values * found.vectors, axis=0)
    np.testing.assert_allclose(found.residuals, residuals, atol=1e-12)
    assert residuals.max() < 1e-6


def test_non_normal_games_are_far_from_symmetric():
    for kind, least in (("oblique", 10), ("triangular", 10)):
        made, _ = planted(kind)
        _, vectors = np.linalg.eig(made)
        assert np.linalg.cond(vectors) > least


@pytest.mark.parametrize("kind", ["orthogonal", "oblique"])
def test_eigenvalues_near_zero_that_the_outermost_do_not_show(kind):
    """A crowd about 0 beside a wide spectrum: inverted they lie apart."""
    random = np.random.default_rng(5)
    crowd = -np.geomspace(1e-4, 3e-2, 12)
    made = blocks([(-1.0, 4.0)], [*crowd, *random.uniform(-10, -1, 50)])
    turned, _ = np.linalg.qr(random.standard_normal(made.shape))
    basis = turned if kind == "orthogonal" else turned @ np.diag(np.linspace(0.3, 3, len(made)))
    operator = of_matrix(basis @ made @ np.linalg.inv(basis))
    found = nearest(operator, 1e-3, 4)
    np.testing.assert_allclose(np.sort(found.values.real), np.sort(crowd[:4]), atol=1e-8)
    assert found.residuals.max() < 1e-8
    hasty = outermost(operator, "LR", 6, budget=30)  # says itself that it is not there yet
    for value, residual in zip(hasty.values, hasty.residuals):
        if np.abs(value - np.linalg.eigvals(made)).min() > 1e-6:
            assert residual > 1e-8
    assert hasty.residuals.max() > 1e-8


def test_a_dense_crowd_about_zero_of_a_large_matrix():
    """1,200 rows: 300 are 0, and some of a crowd are near them."""
    random = np.random.default_rng(6)
    crowd = -np.array([0.01, 0.02, 0.03, 0.05, *random.uniform(0.1, 1.0, 876)])
    inner = blocks([(-2.0, 5.0), (-1.0, 8.0)] * 5, [*crowd, *np.zeros(300)])
    turned, _ = np.linalg.qr(random.standard_normal(inner.shape))
    made, asked = turned @ inner @ turned.T, []
    found = nearest(of_matrix(made).watched(lambda: asked.append(1)), 1e-4, 6, zero=1e-6, budget=400)
    assert len(asked) <= 400 + 2 * len(found.values)
    sizes = np.sort(np.abs(found.values))
    zeros = int((sizes < 1e-6).sum())
    assert 1 <= zeros == found.zeros.shape[1]  # one, in exact arithmetic: the space begins with one vector
    np.testing.assert_allclose(sizes[zeros:], -crowd[: len(sizes) - zeros], atol=1e-8)
    np.testing.assert_allclose(made @ found.zeros, 0, atol=1e-9)
    residuals = np.linalg.norm(made @ found.vectors - found.values * found.vectors, axis=0)
    np.testing.assert_allclose(found.residuals, residuals, atol=1e-12)


@pytest.mark.parametrize("seed", [1, 2])
def test_random_games_of_two_players(seed):
    """Quadratic games ``v = J x`` by automatic differentiation, one of them far from normal, against LAPACK."""
    torch.manual_seed(seed)
    size = 440
    game = torch.randn(size, size, dtype=torch.float64) / size**0.5
    if seed == 2:
        game = game + torch.randn(size, size, dtype=torch.float64).triu(1) / 4
    operator = jacobian(lambda x: game @ x + x * x.square().sum(), torch.zeros(size, dtype=torch.float64))
    known = np.linalg.eigvals(game.numpy())
    for which in KINDS:
        found = outermost(operator, which, 4, budget=3000)
        assert found.residuals.max() < 1e-8
        for value in extreme(known, which, 4):
            assert np.abs(found.values - value).min() < 1e-6 * np.abs(known).max()


def test_residuals_are_not_below_rounding():
    made, _ = planted("orthogonal")
    space = ritz(of_matrix(made), 120)
    assert space.residuals.min() >= np.finfo(float).eps * np.abs(space.values).max()


def test_a_space_takes_no_more_memory_than_there_is_for_it(monkeypatch):
    made, known = planted("orthogonal")
    monkeypatch.setattr("steadygan.theory.spectrum.ROOM", 8 * 120 * 40)
    space = ritz(of_matrix(made), 100)
    assert space.basis.shape == (40, 120)
    assert np.abs(known - space.values[np.abs(space.values).argmax()]).min() < 1e-5


def test_eigenvalues_about_a_complex_shift():
    made, known = planted("oblique")
    found = nearest(of_matrix(made), 0.2 + 2.4j, 1)
    assert found.values[0] == pytest.approx(0.3 + 2.5j, abs=1e-8)
    assert np.abs(known - (0.3 + 2.5j)).min() < 1e-10


def test_one_krylov_space_sees_all_kinds():
    made, known = planted("orthogonal")
    space = ritz(of_matrix(made), 60)
    found = space.spectrum(list(range(60)))
    for which in KINDS:
        own = found.largest(which, 1)
        best = own.residuals.argmin()
        assert np.abs(known - own.values[best]).min() < 1e-5
        pushed = made @ own.vectors - own.values * own.vectors
        np.testing.assert_allclose(np.linalg.norm(pushed, axis=0), own.residuals, atol=1e-9)
    small = ritz(of_matrix(np.diag([1.0, 2.0, 2.0, 3.0])), 4)  # the space closes early: one vector for the double 2
    np.testing.assert_allclose(small.values.real, [3, 2, 1], atol=1e-10)


def test_dense_finds_the_whole_null_space_of_a_jordan_block():
    made = blocks([(-1.0, 2.0)], [-3.0, 0.0, 0.0, 0.0])
    made[3, 4] = 1.0
    random = np.random.default_rng(1)
    basis = random.standard_normal(made.shape)
    full = basis @ made @ np.linalg.inv(basis)
    found = dense(of_matrix(full), 1e-6)
    assert found.whole
    assert found.zeros.shape == (6, 3)
    np.testing.assert_allclose(found.zeros.T @ found.zeros, np.eye(3), atol=1e-12)
    # invariant, and what it is mapped to is mapped to nothing
    np.testing.assert_allclose(full @ full @ found.zeros, 0, atol=1e-6)
    np.testing.assert_allclose(matrix(of_matrix(full)), full)


def test_rotation_by_probes():
    random = np.random.default_rng(2)
    turning = random.standard_normal((300, 300))
    symmetric = turning + turning.T
    probes = random.choice([-1.0, 1.0], (40, 300))
    assert antisymmetry(of_matrix(symmetric), probes)[0] < 1e-7
    assert antisymmetry(of_matrix(turning - turning.T), probes)[0] == pytest.approx(1)
    share, norm = antisymmetry(of_matrix(turning), probes)
    assert share == pytest.approx(np.linalg.norm(turning - turning.T) / 2 / np.linalg.norm(turning), rel=0.02)
    assert norm == pytest.approx(np.linalg.norm(turning), rel=0.02)


def test_idle_coordinates_are_left_out_and_change_nothing_else():
    made, known = planted("oblique", 40)
    for own in (0.0, 1.0):
        full = block_diag(made, own * np.eye(3))
        full[:40, 40] = 1.0  # moved by nothing, though it moves others
        full[41, :40] = 1.0  # moves nothing, though it is moved
        operator = of_matrix(full)
        still = idle(operator, own)
        assert still.nonzero()[0].tolist() == [40, 41, 42]
        rest = part(operator, ~still)
        np.testing.assert_allclose(np.sort_complex(dense(rest).values), np.sort_complex(known), atol=1e-7)


def test_balancing_keeps_the_eigenvalues_and_shrinks_the_matrix():
    made, known = planted("orthogonal", 60)
    scale = 10.0 ** np.random.default_rng(3).uniform(-5, 5, 60)
    operator = of_matrix(made * scale[:, None] / scale)
    own = scaled(operator, balance(operator))
    written = np.stack([own.push(row) for row in np.eye(60)], 1)
    np.testing.assert_allclose(np.sort_complex(np.linalg.eigvals(written)), np.sort_complex(known), atol=1e-8)
    assert np.linalg.norm(written) < 3e-3 * np.linalg.norm(made * scale[:, None] / scale)
    np.testing.assert_allclose(matrix(own), written, rtol=1e-9, atol=1e-12)


def test_products_with_complex_vectors():
    made, _ = planted("orthogonal", 20)
    vector = np.random.default_rng(4).standard_normal((20, 2)) @ [1, 1j]
    reported = []
    operator = Operator(20, lambda v: made @ v, lambda v: made.T @ v).watched(lambda: reported.append(1))
    np.testing.assert_allclose(operator.times(vector), made @ vector)
    assert len(reported) == 2
