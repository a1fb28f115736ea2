"""Eigenvalues that are 0: which of them mean nothing, and which leave stability open.

Along a *symmetry* the networks stay the functions they are (a ReLU unit's weights scaled up and down). Along a
*manifold* of equilibria they change, and the field stays what it is at finite distance, once the other directions have
followed. Along a *marginal* direction the field does not vanish beyond first order: it decides (Lyapunov-Schmidt
reduction). *Drifting* ones are the chains of a Jordan block: what one holds drives another.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.sparse.linalg import lsmr

from steadygan.theory.spectrum import Operator, Product, Vector

STILL = 1e-6
"""A change of the networks' outputs, over that along a random direction, that is none."""

FLAT = 1e-8
"""A change of the field, over the largest eigenvalue times the distance, that is none."""

TURNS = 12
"""Corrections of the other directions."""

MOST = 16
"""Directions that are followed to a finite distance."""


@dataclass(frozen=True)
class Followed:
    """A direction that was followed: ``manifold`` or ``marginal``, and what is ``left`` of the field.

    ``attracts``: from both sides; None where the field is the same all along.
    """

    kind: str
    left: float
    attracts: bool | None


@dataclass(frozen=True)
class ZeroModes:
    """How many there are of each kind, and what was found along those that were followed."""

    symmetry: int = 0
    manifold: int = 0
    marginal: int = 0
    drifting: int = 0
    untested: int = 0
    followed: list[Followed] = field(default_factory=list)

    @property
    def repelling(self) -> bool:
        """Whether a marginal direction leads away, on one side at least."""
        return any(one.kind == "marginal" and not one.attracts for one in self.followed)


@dataclass(frozen=True)
class Game:
    """Interface of a game at a state.

    Attributes:
        operator: ``J``.
        field: ``v(w + d)`` for a displacement ``d [n]``.
        change: the derivative of the networks' outputs along a direction.
        scale: modulus of the largest eigenvalue.
        solve: a small ``d`` with ``J d = r`` up to what ``J`` cannot reach; None: by LSMR.
    """

    operator: Operator
    field: Product
    change: Product
    scale: float
    solve: Product | None = None


def sort_out(game: Game, basis: Vector, distance: float, tolerance: float, most: int = MOST) -> ZeroModes:
    """Tell the directions of the null space apart.

    Args:
        game: see ``Game``.
        basis: orthonormal, ``[n, m]``: the invariant subspace of what counts as 0.
        distance: how far directions are followed.
        tolerance: of ``|J u|``, in absolute terms.
        most: directions that are followed.
    """
    if not basis.shape[1]:
        return ZeroModes()
    flat, drifting = _split(game.operator.times(basis), basis, max(10 * tolerance, 1e-12 * game.scale))
    moved = np.stack([game.change(u) for u in flat.T], 1) if flat.shape[1] else np.zeros((1, 0))
    symmetry, rest = _split(moved, flat, STILL * typical(game.change, len(basis)))
    followed = [_follow(game, direction, distance) for direction in rest.T[:most]]
    kinds = [one.kind for one in followed]
    return ZeroModes(
        symmetry=symmetry.shape[1],
        manifold=kinds.count("manifold"),
        marginal=kinds.count("marginal"),
        drifting=drifting.shape[1],
        untested=rest.shape[1] - len(followed),
        followed=followed,
    )


def typical(change: Product, size: int) -> float:
    """Return how much the outputs change along random directions of length 1, root mean square."""
    random = np.random.default_rng(4)
    draws = random.standard_normal((4, size))
    return float(np.sqrt(np.mean([np.sum(change(z / np.linalg.norm(z)) ** 2) for z in draws])))


def _split(image: Vector, basis: Vector, bound: float) -> tuple[Vector, Vector]:
    """Return the directions of ``basis`` whose ``image`` is at most ``bound`` long, and the others."""
    if not basis.shape[1]:
        return basis, basis
    # Of the triangular factor: the image may have many thousand rows.
    _, sizes, turned = np.linalg.svd(np.linalg.qr(image, mode="r"), full_matrices=True)
    sizes = np.concatenate([sizes, np.zeros(basis.shape[1] - len(sizes))])
    directions = basis @ turned.T
    return directions[:, sizes <= bound], directions[:, sizes > bound]


def _follow(game: Game, direction: Vector, distance: float) -> Followed:
    """Go along ``direction`` both ways, let the other directions follow, and look at what is left of the field."""
    start = game.field(np.zeros_like(direction))
    solve = game.solve or _least_squares(game.operator, game.scale)
    left, pulls = [], []
    for side in (1.0, -1.0):
        away = side * distance * direction
        at, change = away, game.field(away) - start
        for _ in range(TURNS):
            if np.linalg.norm(change) <= FLAT * game.scale * distance / 10:
                break
            step = solve(change)
            step = step - direction * (direction @ step)
            if np.linalg.norm(at - step - away) > distance:
                break  # there is no branch nearby
            at = at - step
            change = game.field(at) - start
        left.append(float(np.linalg.norm(change)) / (game.scale * distance))
        pulls.append(float(side * (change @ direction)))
    if max(left) <= FLAT:
        return Followed("manifold", max(left), None)
    return Followed("marginal", max(left), bool(max(pulls) < 0))


def _least_squares(operator: Operator, scale: float) -> Product:
    return lambda right: lsmr(operator, right, damp=1e-8 * scale, atol=1e-12, btol=1e-12, maxiter=300)[0]


def pseudo_inverse(matrix: Vector, cut: float) -> Product:
    """Return ``solve`` of a matrix that is written out; singular values up to ``cut`` count as 0."""
    left, sizes, right = np.linalg.svd(matrix)
    inverse = np.where(sizes > cut, 1 / np.maximum(sizes, 1e-300), 0.0)
    return lambda vector: right.T @ (inverse * (left.T @ vector))
