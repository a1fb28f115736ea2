"""The closed forms against matrices written out, and what Mescheder et al. (2018) say of them."""

import cmath

import numpy as np
import pytest

from steadygan.theory.dirac import CUSPED, TABLE, Linear, closed_form, expected

NUMBERS = {"gamma": 0.8, "sigma": 0.9, "prior_precision": 0.3, "unroll": 3, "center": 1.0, "weight": 1.0}


def close(found, matrix, tolerance=1e-9):
    own = np.sort_complex(np.round(np.array(found), 12))
    np.testing.assert_allclose(own, np.sort_complex(np.round(np.linalg.eigvals(matrix), 12)), atol=tolerance)


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize("a", [-0.3, 0.0, 0.4, 2.5])
def test_against_matrices(a, n):
    b, h, gamma = 0.5, 0.2, 0.7
    system = Linear(a, b, n)
    flow = np.array([[0, b], [-n * b, -n * a]])
    close(system.eigenvalues(), flow)
    close(system.simultaneous(h), np.eye(2) + h * flow)
    critic = np.linalg.matrix_power(np.array([[1, 0], [-h * b, 1 - h * a]]), n)
    close(system.alternating(h), np.array([[1, h * b], [0, 1]]) @ critic)
    one = np.array([[0, b], [-b, -a]])
    close(system.consensus(gamma), np.diag([1, n]) @ (one - gamma * one.T @ one))
    close(system.extragradient(h), np.eye(2) + h * flow + h * h * flow @ flow)
    for steps in (0, 1, 3):
        move = np.array([[1, 0], [-h * b, 1 - h * a]])
        ahead = np.linalg.matrix_power(move, steps)
        # of (theta, psi ahead) the value is v^T curvature v / 2: its slope in theta goes through both
        curvature = np.array([[0, b], [b, a]])
        generator = np.array([[1, 0], [0, 1]]) + h * np.outer([1, 0], (ahead.T @ curvature @ ahead)[0])
        close(system.unrolled(h, steps, alternating=True), generator @ critic)
        if n == 1:
            close(system.unrolled(h, steps, alternating=False), generator + critic - np.eye(2))
    memory = np.block([[np.eye(2) + 2 * h * flow, -np.eye(2)], [h * flow, np.zeros((2, 2))]])
    close(system.optimistic(h), memory)


def test_the_seeds_eigenvalues():
    """Mescheder et al. 2018 with f'(0) = 1/2, f''(0) = -1/4."""
    for gamma in (-0.5, 0.3, 1.0, 3.0):
        numbers = {**NUMBERS, "gamma": gamma, "sigma": abs(gamma)}

        def roots(method, numbers=numbers):
            return closed_form(method, numbers, 0.0, "simultaneous", 0.1)[0]

        def pair(real, square):
            return [pytest.approx(real + sign * cmath.sqrt(square), abs=1e-12) for sign in (1, -1)]

        assert roots("unregularised") == pair(0, -1 / 4)
        assert roots("wgan") == pair(0, -1)
        assert roots("r1") == roots("r2") == roots("r1_r2") == pair(-gamma / 2, gamma**2 / 4 - 1 / 4)
        assert roots("roth") == pair(-gamma / 4, gamma**2 / 16 - 1 / 4)
        assert roots("instance_noise") == pair(-(gamma**2) / 4, gamma**4 / 16 - 1 / 4)
        assert roots("consensus") == pair(-gamma / 4, -1 / 4)


def test_modulus_one_up_to_the_critical_step():
    for n in (1, 2, 5):
        system = Linear(0.0, 0.5, n)
        critical = system.critical_step()
        assert critical * np.sqrt(n) * 0.5 == pytest.approx(2)
        assert np.abs(system.alternating(0.99 * critical)) == pytest.approx([1, 1], abs=1e-12)
        assert np.abs(system.alternating(1.01 * critical)).max() > 1.1


def test_the_critical_step_of_several_moves_of_the_generator():
    b, moves, n = 0.5, 3, 2
    critical = Linear(0.0, b, n).critical_step(moves)
    h = 1.01 * critical
    both = np.array([[1, moves * h * b], [0, 1]]) @ np.array([[1, 0], [-n * h * b, 1]])
    assert np.trace(both) == pytest.approx(2 - 4 * 1.01**2)
    assert np.linalg.det(both) == pytest.approx(1)


def test_the_second_root_of_optimistic():
    h = 1e-3
    system = Linear(0.3)
    for root, one, other in zip(system.eigenvalues(), *[iter(system.optimistic(h))] * 2):
        small, large = sorted((one, other), key=abs)
        assert small == pytest.approx(h * root - (h * root) ** 2, abs=1e-9)
        assert large == pytest.approx(1 + h * root + (h * root) ** 2, abs=1e-9)


def test_the_table():
    yes = {name for name in TABLE if expected(name, "general")}
    assert yes == {"instance_noise", "consensus", "roth", "r1", "r2", "r1_r2"}
    assert {name for name in TABLE if not expected(name, "absolutely_continuous")} == {"wgan", "wgan_gp"}
    assert expected("optimistic", "general") is None
    assert all(closed_form(name, NUMBERS, 0.0, "alternating", 0.1) == (None, None) for name in CUSPED)
