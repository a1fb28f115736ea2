"""Eigenvalues of a real matrix that is only known by its products with vectors.

Dense where it is small; else ARPACK (implicitly restarted Arnoldi, Lehoucq et al. 1998) for the outermost eigenvalues,
and the harmonic Ritz values of a large Krylov space for those about a point. Whatever it says is checked:
``residuals`` are ``|J u - lambda u| / |u|``.

Reference: Lehoucq et al. (1998), doi:10.1137/1.9780898719628; Morgan (1991), doi:10.1016/0024-3795(91)90381-6.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, eig, schur
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs

Vector = NDArray[np.float64]
Complex = NDArray[np.complex128]
Product = Callable[[Vector], Vector]

SMALL = 12
"""Rows up to which a matrix is written out whatever was asked for: ARPACK needs room."""

TOLERANCE = 1e-10
"""ARPACK's: an eigenvalue's residual over its modulus."""

LARGE = 300
"""Vectors of a Krylov space that is not restarted."""

LARGER = 1000
"""Of one for eigenvalues about a point."""

ROOM = 2e9
"""Bytes that the vectors of a space may take."""


class Operator(LinearOperator):
    """A real matrix ``J [size, size]`` that is known by its products with real vectors.

    Args:
        size: rows.
        push: ``J v``.
        pull: ``J^T v``.
    """

    def __init__(self, size: int, push: Product, pull: Product) -> None:
        super().__init__(np.float64, (size, size))
        self.size, self.push, self.pull = size, push, pull

    def _matvec(self, x: Vector) -> Vector:
        return self.push(x.ravel())

    def _rmatvec(self, x: Vector) -> Vector:
        return self.pull(x.ravel())

    def times(self, vectors: NDArray) -> NDArray:
        """Return ``J`` times a real or complex vector ``[size]``, or each column of ``[size, k]``."""
        if vectors.ndim == 2:
            return np.stack([self.times(column) for column in vectors.T], 1) if vectors.shape[1] else vectors
        if np.iscomplexobj(vectors):
            real, imaginary = (np.ascontiguousarray(each(vectors)) for each in (np.real, np.imag))
            return self.push(real) + 1j * self.push(imaginary)
        return self.push(vectors)

    def transposed(self) -> "Operator":
        """Return ``J^T``."""
        return Operator(self.size, self.pull, self.push)

    def watched(self, on_product: Callable[[], None]) -> "Operator":
        """Return the same operator; ``on_product`` is called before each product."""

        def telling(product: Product) -> Product:
            return lambda vector: (on_product(), product(vector))[1]

        return Operator(self.size, telling(self.push), telling(self.pull))


def of_matrix(matrix: NDArray) -> Operator:
    """Return the operator of a matrix that is written out."""
    return Operator(len(matrix), lambda v: matrix @ v, lambda v: matrix.T @ v)


@dataclass(frozen=True)
class Spectrum:
    """Some or all eigenvalues, the largest real part first.

    Attributes:
        values: complex ``[k]``; of a complex pair both.
        vectors: right eigenvectors ``[size, k]`` of length 1.
        residuals: ``|J u - lambda u|``, ``[k]``.
        zeros: an orthonormal basis ``[size, m]`` of the invariant subspace of those that count as 0.
        whole: whether these are all there are.
    """

    values: Complex
    vectors: Complex
    residuals: Vector
    zeros: Vector
    whole: bool = False

    def chosen(self, indices: Sequence[int] | NDArray, zeros: Vector | None = None) -> "Spectrum":
        """Return the eigenvalues at some indices, with other ``zeros`` where they are given."""
        kept = self.values[indices], self.vectors[:, indices], self.residuals[indices]
        return Spectrum(*kept, self.zeros if zeros is None else zeros)

    def largest(self, which: str, count: int) -> "Spectrum":
        """Return the ``count`` that are largest by a word of ``KINDS``, and the other one of a complex pair."""
        return self.chosen(extremes(self.values, which, count))

    def joined(self, other: "Spectrum") -> "Spectrum":
        """Return these, and those of ``other`` that are not among them."""
        scale = np.abs(np.concatenate([self.values, other.values, [0]])).max()
        slack = 1e-7 * scale + 10 * other.residuals
        new = [index for index, value in enumerate(other.values)
               if not len(self.values) or np.abs(self.values - value).min() > slack[index]]  # fmt: skip
        values = np.concatenate([self.values, other.values[new]])
        vectors = np.concatenate([self.vectors, other.vectors[:, new]], 1)
        residuals = np.concatenate([self.residuals, other.residuals[new]])
        return Spectrum(values, vectors, residuals, span(np.concatenate([self.zeros, other.zeros], 1))).chosen(
            _order(values)
        )


def _order(values: NDArray) -> NDArray[np.intp]:
    """Return the order by real parts, the largest first, then by imaginary ones."""
    return np.lexsort((-np.imag(values), -np.real(values)))


def matrix(operator: Operator) -> Vector:
    """Return ``J`` written out, row by row."""
    return np.stack([operator.pull(row) for row in np.eye(operator.size)]) if operator.size else np.zeros((0, 0))


def dense(operator: Operator, zero: float = 0.0, written: Vector | None = None) -> Spectrum:
    """Return all eigenvalues, by LAPACK.

    Args:
        operator: up to some thousand rows.
        zero: moduli up to this share of the largest count as 0.
        written: the matrix, where it is known.
    """
    full = matrix(operator) if written is None else written
    if not len(full):
        nothing = np.zeros((0, 0))
        return Spectrum(np.zeros(0, complex), nothing.astype(complex), np.zeros(0), nothing, True)
    values, vectors = eigenpairs(full)
    bound = zero * np.abs(values).max()
    return replace(_sorted(values, vectors, full @ vectors, _invariant(full, values, vectors, bound)), whole=True)


def eigenpairs(full: Vector) -> tuple[Complex, Complex]:
    """Return eigenvalues and right eigenvectors of a matrix, by LAPACK."""
    values, vectors, *_ = eig(full)
    return values, vectors


def _invariant(full: Vector, values: Complex, vectors: Complex, bound: float) -> Vector:
    """Return the basis for eigenvalues up to ``bound``. Eigenvectors of a multiple one need not span it."""
    small = np.abs(values) <= bound
    if not small.any():
        return np.zeros((len(full), 0))
    try:
        _, basis, *count = schur(full, output="real", sort=lambda re, im: np.hypot(re, im) <= bound)
    except LinAlgError:  # they cannot be told apart from others to rounding
        return span(vectors[:, small])
    return basis[:, : int(count[0])]


KINDS: dict[str, Callable[[NDArray], NDArray]] = {"LR": np.real, "LI": np.imag, "LM": np.abs}
"""What is largest: the real part, the imaginary part, the modulus."""


def extremes(values: NDArray, which: str, count: int) -> list[int]:
    """Return the indices of the ``count`` largest by a word of ``KINDS``, and of the other one of a complex pair."""
    sizes = KINDS[which](values)
    order = np.argsort(-np.abs(sizes) if which == "LI" else -sizes, kind="stable")
    kept = set(order[:count].tolist())
    return sorted(kept | {int(np.abs(values - values[index].conj()).argmin()) for index in kept})


def outermost(operator: Operator, which: str, count: int, budget: int = 2000) -> Spectrum:
    """Return the ``count`` eigenvalues that are largest by a word of ``KINDS``, by ARPACK; all of a matrix of few rows.

    One more where that would part a complex pair. Where fewer converge within the budget, about so many products, a
    larger Krylov space, not restarted, tells the rest as well as it can, which ``residuals`` says.
    """
    if operator.size <= max(SMALL, count + 2):
        return dense(operator)
    room = min(operator.size, max(40, 3 * count + 2))
    start = np.random.default_rng(0).standard_normal(operator.size)
    again = max(1, (budget - room) // (room - count))
    try:
        values, vectors, *_ = eigs(operator, count, which=which, v0=start, ncv=room, tol=TOLERANCE, maxiter=again)  # pyright: ignore[reportArgumentType] untyped
    except ArpackNoConvergence as partial:
        vectors = partial.eigenvectors if len(partial.eigenvalues) else np.zeros((operator.size, 0))
        space = ritz(operator, min(budget, LARGE))
        rest = space.spectrum(extremes(space.values, which, count))
        return measured(operator, partial.eigenvalues, vectors).joined(rest)
    return measured(operator, values, vectors)


@dataclass(frozen=True)
class Ritz:
    """The Ritz values of one Krylov space.

    Attributes:
        values: complex ``[k]``, the largest real part first.
        residuals: theirs, ``[k]``; not below rounding.
        basis: of the space, ``[k, size]``.
        turned: the eigenvectors in that basis, ``[k, k]``.
    """

    values: Complex
    residuals: Vector
    basis: Vector
    turned: Complex

    def vectors(self, indices: Sequence[int]) -> Complex:
        """Return ``[size, len(indices)]``; all of them would take twice the memory of the basis."""
        return self.basis.T @ self.turned[:, indices]

    def spectrum(self, indices: Sequence[int]) -> Spectrum:
        """Return the eigenvalues at some indices; none counts as 0."""
        nothing = np.zeros((self.basis.shape[1], 0))
        return Spectrum(self.values[indices], self.vectors(indices), self.residuals[indices], nothing)


def ritz(operator: Operator, size: int) -> Ritz:
    """Return the Ritz values of a space of ``size`` vectors, all kept and orthogonalised twice.

    The outermost are good to see all kinds at once; inner ones are no eigenvalues, which their residuals tell. ARPACK
    restarts its space, and so has to be asked for one kind at a time.

    Reference: Arnoldi (1951), doi:10.1090/qam/42792.
    """
    basis, small, last = _arnoldi(operator, size)
    values, turned = np.linalg.eig(small)
    least = np.finfo(float).eps * np.abs(values).max(initial=0.0)
    residuals = np.maximum(np.abs(last * turned[-1]), least)
    order = _order(values)
    return Ritz(values[order].astype(complex), residuals[order], basis, turned[:, order].astype(complex))


def _arnoldi(operator: Operator, size: int, seed: int = 0) -> tuple[Vector, Vector, float]:
    """Return an orthonormal basis ``[k, n]`` of a Krylov space, ``J`` on it ``[k, k]``, and how far it leads out.

    0 of a space that is invariant. ``k`` is ``size``, or as many as there is room for.
    """
    size = max(min(size, operator.size, int(ROOM / 8 / operator.size)), min(SMALL, operator.size))
    basis, small = np.zeros((size + 1, operator.size)), np.zeros((size + 1, size))
    start = np.random.default_rng(seed).standard_normal(operator.size)
    basis[0] = start / np.linalg.norm(start)
    for index in range(size):
        new = operator.push(basis[index])
        length = np.linalg.norm(new)
        for _ in range(2):
            part_of = basis[: index + 1] @ new
            new = new - part_of @ basis[: index + 1]
            small[: index + 1, index] += part_of
        left = np.linalg.norm(new)
        if left <= 1e-13 * max(length, 1e-300) or index + 1 == operator.size:
            return basis[: index + 1], small[: index + 1, : index + 1], 0.0
        small[index + 1, index] = left
        basis[index + 1] = new / left
    return basis[:size], small[:size], float(small[size, size - 1])


def nearest(operator: Operator, shift: complex, count: int, zero: float = 0.0, budget: int = LARGER) -> Spectrum:
    """Return the ``count`` harmonic Ritz values of one Krylov space about ``shift``: those of ``(J - shift)^-1``.

    They converge about ``shift`` where plain ones do outermost (ARPACK would have to solve with ``J - shift``). With
    ``B = H - shift`` on the space, ``h`` how far ``J`` leads out of it and ``e`` its last direction they are the
    eigenvectors of ``B + h^2 B^-H e e^H``. What has not converged says so by its residual. Of an eigenvalue with
    several eigenvectors one is found, as in every space that begins with one vector.

    Args:
        operator: of any size.
        shift: no eigenvalue; of the same order as the eigenvalues wanted.
        count: how many, and the other one of each complex pair.
        zero: moduli up to this count as 0, in absolute terms.
        budget: vectors of the space, each a product; fewer where there is no room for them.

    Reference: Morgan (1991), doi:10.1016/0024-3795(91)90381-6.
    """
    if operator.size <= max(SMALL, count + 2):
        return dense(operator)
    basis, small, last = _arnoldi(operator, budget, seed=1)
    moved = small - shift * np.eye(len(small))
    end = np.eye(len(small))[-1]
    outward = last**2 * np.linalg.lstsq(moved.conj().T, end, rcond=None)[0]
    values, turned = np.linalg.eig(moved + np.outer(outward, end))
    chosen = turned[:, np.argsort(np.abs(values), kind="stable")[:count]]
    quotients = np.einsum("ik,ij,jk->k", chosen.conj(), small, chosen)
    return measured(operator, quotients, basis.T @ chosen, zero)


def measured(operator: Operator, values: NDArray, vectors: NDArray, zero: float = 0.0) -> Spectrum:
    """Return eigenvalues and vectors ``[size, k]`` of any length with their residuals, a product each.

    Also the other one of each complex pair, as the matrix is real.
    """
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=0), 1e-300)
    values, vectors = np.asarray(values, complex), np.asarray(vectors, complex).reshape(operator.size, -1)
    slack = 1e-9 * np.abs(values).max(initial=0.0)
    alone = [index for index, value in enumerate(values) if np.abs(values - value.conj()).min() > slack]
    values = np.concatenate([values, values[alone].conj()])
    vectors = np.concatenate([vectors, vectors[:, alone].conj()], 1)
    return _sorted(values, vectors, operator.times(vectors), span(vectors[:, np.abs(values) <= zero]))


def _sorted(values: Complex, vectors: Complex, pushed: NDArray, zeros: Vector) -> Spectrum:
    residuals = np.linalg.norm(pushed - values * vectors, axis=0) / np.linalg.norm(vectors, axis=0)
    return Spectrum(values.astype(complex), vectors.astype(complex), residuals, zeros).chosen(_order(values))


def span(columns: NDArray) -> Vector:
    """Return an orthonormal basis of the real space that ``columns`` span, complex ones by both their parts."""
    if np.iscomplexobj(columns):
        columns = np.concatenate([np.real(columns), np.imag(columns)], 1)
    if not columns.shape[1]:
        return columns
    left, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return left[:, sizes > 1e-6 * max(sizes[0], 1e-300)]


def antisymmetry(operator: Operator, draws: Vector) -> tuple[float, float]:
    """Return ``|J - J^T| / (2 |J|)`` and ``|J|``, Frobenius norms, from probes.

    ``E |B z|^2 = |B|^2`` for ``z`` of mean 0 and covariance I. The first is 0 for the gradient of one function and 1
    where there is nothing but rotation; its square is a share, as ``|J|^2`` is the sum of both parts' squares.

    Args:
        operator: ``J``.
        draws: ``[probes, size]``, signs or N(0, 1).

    Reference: Hutchinson (1990), doi:10.1080/03610919008812866.
    """
    total = turning = 0.0
    for z in draws:
        push, pull = operator.push(z), operator.pull(z)
        total += float(push @ push + pull @ pull) / 2
        turning += float((push - pull) @ (push - pull)) / 4
    return float(np.sqrt(turning / total)) if total > 0 else 0.0, float(np.sqrt(total / max(len(draws), 1)))


def idle(operator: Operator, eigenvalue: float) -> NDArray[np.bool_]:
    """Return the coordinates whose row or column is that of ``eigenvalue`` times the identity, to the bit.

    Each of them has that eigenvalue (0 for a field, where nothing moves them or they move nothing; 1 for a map); the
    other eigenvalues are those of the remaining block.
    """
    random = np.random.default_rng(2)
    probes = [random.standard_normal(operator.size) for _ in range(2)]
    sides = [
        np.all([product(z) == eigenvalue * z for z in probes], axis=0) for product in (operator.push, operator.pull)
    ]
    return sides[0] | sides[1]


def part(operator: Operator, kept: NDArray[np.bool_]) -> Operator:
    """Return the rows and columns in ``kept``."""

    def within(product: Product) -> Product:
        def call(vector: Vector) -> Vector:
            full = np.zeros(operator.size)
            full[kept] = vector
            return product(full)[kept]

        return call

    return Operator(int(kept.sum()), within(operator.push), within(operator.pull))


def balance(operator: Operator, rounds: int = 6) -> Vector:
    """Return the diagonal of a ``D`` for which rows and columns of ``D^-1 J D`` are of about the same size.

    Reference: Chen and Demmel (2000), algorithm KrylovAtz.
    """
    random, scale = np.random.default_rng(3), np.ones(operator.size)
    for _ in range(rounds):
        z = random.choice([-1.0, 1.0], operator.size)
        row, column = np.abs(operator.push(z * scale) / scale), np.abs(operator.pull(z / scale) * scale)
        fits = (row > 0) & (column > 0)
        scale[fits] *= np.sqrt(row[fits] / column[fits])
    return scale


def scaled(operator: Operator, scale: Vector) -> Operator:
    """Return ``D^-1 J D``, which has the same eigenvalues; ``D`` times its eigenvectors are those of ``J``.

    Better conditioned where ``scale`` balances it.
    """
    push, pull = operator.push, operator.pull
    return Operator(operator.size, lambda v: push(v * scale) / scale, lambda v: pull(v / scale) * scale)
