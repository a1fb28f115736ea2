"""Zero eigenvalues told apart, on fields whose equilibria are known."""

import numpy as np
import pytest
import torch

from steadygan.theory.spectrum import dense, of_matrix
from steadygan.theory.zero_modes import Game, pseudo_inverse, sort_out


def analysed(field, at, shown=None, matrix_free=False):
    """What ``sort_out`` says of ``field: [n] -> [n]`` at an equilibrium; ``shown`` are the networks' outputs."""
    at = torch.tensor(at, dtype=torch.float64)
    matrix = torch.func.jacrev(field)(at).numpy()
    show = shown or (lambda x: x)
    outputs = torch.func.jacrev(show)(at).numpy().reshape(-1, len(at))
    found = dense(of_matrix(matrix), 1e-6)
    scale = np.abs(found.values).max()
    solve = None if matrix_free else pseudo_inverse(matrix, 1e-6 * scale)
    game = Game(
        of_matrix(matrix), lambda d: field(at + torch.as_tensor(d)).numpy(), lambda u: outputs @ u, scale, solve
    )
    return sort_out(game, found.zeros, 0.05, 1e-6 * scale)


def ring(x):
    """Attracted by the unit circle: a curved manifold of equilibria."""
    return x * (1 - x.norm()) / x.norm()


@pytest.mark.parametrize("matrix_free", [False, True])
def test_a_curved_manifold_of_equilibria(matrix_free):
    found = analysed(ring, [0.6, 0.8], matrix_free=matrix_free)
    assert (found.manifold, found.marginal, found.symmetry, found.drifting) == (1, 0, 0, 0)
    assert not found.repelling


@pytest.mark.parametrize(
    ("last", "attracts"),
    [
        (lambda x, y: -(y**3), True),
        (lambda x, y: y**3, False),
        (lambda x, y: y**2, False),  # attracting from one side only
        (lambda x, y: -y * (x - y) + 0 * y, False),  # the other has to follow: x = y^2, so y' = y^2 - y^3
        (lambda x, y: -x * y, True),  # on the straight line nothing is left of it: y' = -y^3 once x = y^2
        (lambda x, y: x * y, False),
    ],
)
@pytest.mark.parametrize("matrix_free", [False, True])
def test_marginal_directions_and_where_they_lead(last, attracts, matrix_free):
    found = analysed(lambda v: torch.stack([v[1] ** 2 - v[0], last(*v)]), [0.0, 0.0], matrix_free=matrix_free)
    assert (found.manifold, found.marginal) == (0, 1)
    assert found.repelling != attracts


def test_a_symmetry_changes_no_output():
    """A product of two weights is what a network shows: scaling one up and the other down is a symmetry; a third
    weight that is shown and feels no force is a manifold, both in one null space."""

    def field(x):
        wrong = 1 - x[0] * x[1]
        return torch.stack([wrong * x[1], wrong * x[0], 0 * x[2]])

    def shown(x):
        return torch.stack([x[0] * x[1], x[2]])

    found = analysed(field, [2.0, 0.5, 0.3], shown)
    assert (found.symmetry, found.manifold, found.marginal) == (1, 1, 0)


def test_a_chain_drifts():
    """x' = y, y' = 0: both eigenvalues are 0, and x grows for ever."""
    found = analysed(lambda v: torch.stack([v[1], 0 * v[1], -v[2]]), [0.0, 0.0, 0.0])
    assert found.drifting == 1


def test_nothing_to_sort_out():
    assert analysed(lambda v: -v, [0.0, 0.0]).followed == []
