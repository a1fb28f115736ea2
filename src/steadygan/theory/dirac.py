"""The Dirac-GAN in closed form.

Near the equilibrium every smooth method is a linear system in ``(theta, psi)``: the players are coupled by ``b``
(``f'(0)``) and the discriminator is damped by ``a``. Derivations: docs/stability.md.

Reference: Mescheder et al. (2018), section 2, arXiv:1801.04406.
"""

import cmath
import math
from collections.abc import Mapping
from dataclasses import dataclass

Roots = list[complex]

LOGISTIC = 0.5
"""``f'(0)`` of ``f(t) = -log(1 + exp(-t))``; ``f''(0) = -1/4``."""

TABLE = {
    "unregularised": (True, False),
    "nonsaturating": (True, False),
    "wgan": (False, False),
    "wgan_gp": (False, False),
    "dragan_one_sided": (True, False),
    "dragan_two_sided": (True, False),
    "instance_noise": (True, True),
    "consensus": (True, True),
    "roth": (True, True),
    "r1": (True, True),
    "r2": (True, True),
    "r1_r2": (True, True),
}
"""Does it converge locally: in the absolutely continuous case, in general (Mescheder et al. 2018, table 1)."""


def expected(method: str, case: str) -> bool | None:
    """Return the cell of the table; None where it has no row."""
    row = TABLE.get(method)
    return None if row is None else row[case != "absolutely_continuous"]


def quadratic(trace: complex, determinant: complex) -> Roots:
    """Return the eigenvalues of a 2 x 2 matrix."""
    root = cmath.sqrt(trace * trace / 4 - determinant)
    return [trace / 2 + root, trace / 2 - root]


def damping(method: str, numbers: Mapping[str, float], spread: float) -> float:
    """``a``: how fast the discriminator's weight decays by itself, at ``theta = 0``.

    Args:
        method: a name of ``TABLE``, or ``unrolled``, ``extragradient``, ``optimistic``, ``sgld``.
        numbers: ``gamma``, ``sigma``, ``prior_precision``.
        spread: standard deviation of data and generator.
    """
    if method == "wgan":
        return 0.0
    by_method = {
        "r1": numbers["gamma"],
        "r2": numbers["gamma"],
        "r1_r2": numbers["gamma"],
        "roth": numbers["gamma"] / 2,
        "instance_noise": numbers["sigma"] ** 2 / 2,
        "sgld": numbers["prior_precision"],
    }
    return by_method.get(method, 0.0) + spread**2 / 2


@dataclass(frozen=True)
class Linear:
    """``theta' = b psi``, ``psi' = n (-b theta - a psi)``.

    Attributes:
        a: see ``damping``; may be negative.
        b: ``f'(0)``, 1 for the Wasserstein loss.
        n: moves of the discriminator for one of the generator.
    """

    a: float
    b: float = LOGISTIC
    n: int = 1

    def eigenvalues(self) -> Roots:
        """Return ``-n a/2 +- sqrt(n^2 a^2/4 - n b^2)``."""
        return quadratic(-self.n * self.a, self.n * self.b**2)

    def consensus(self, gamma: float) -> Roots:
        """Return the eigenvalues of ``J - gamma J^T J``: for ``a = 0, n = 1``, ``-gamma b^2 +- i b``."""
        a, b, n = self.a, self.b, self.n
        trace = -gamma * b**2 - n * (a + gamma * (a**2 + b**2))
        return quadratic(trace, n * b**2 * (1 + gamma * a + gamma**2 * b**2))

    def simultaneous(self, h: float) -> Roots:
        """Return ``1 + h lambda``."""
        return [1 + h * root for root in self.eigenvalues()]

    def alternating(self, h: float) -> Roots:
        """Return those of the map in which D moves ``n`` times, then G: determinant ``(1 - h a)^n``."""
        kept, gone = self._moves(h, self.n)
        return quadratic(1 + kept - h * self.b**2 * gone, kept)

    def critical_step(self, generator_moves: int = 1) -> float:
        """Up to here both moduli of ``alternating`` are 1, where ``a = 0``: ``sqrt(generator_moves n) h b = 2``."""
        return 2 / (math.sqrt(generator_moves * self.n) * self.b)

    def extragradient(self, h: float) -> Roots:
        """Return ``1 + h lambda + h^2 lambda^2``, simultaneous."""
        return [1 + h * root + (h * root) ** 2 for root in self.eigenvalues()]

    def optimistic(self, h: float) -> Roots:
        """Return ``mu^2 - (1 + 2 h lambda) mu + h lambda = 0``, simultaneous; two for each ``lambda``."""
        return [mu for root in self.eigenvalues() for mu in quadratic(1 + 2 * h * root, h * root)]

    def unrolled(self, h: float, steps: int, alternating: bool) -> Roots:
        """Return those of an iteration whose generator minimises the value against D ``steps`` moves ahead.

        With ``a = 0`` that damps the generator by ``2 steps h b^2``.
        """
        ahead, far = self._moves(h, steps)
        kept, gone = self._moves(h, self.n)
        loss, pull = h * self.b**2 * far * (1 + ahead), h * self.b**2 * ahead**2
        if alternating:
            return quadratic(1 - loss - pull * gone + kept, (1 - loss) * kept)
        return quadratic(1 - loss + kept, (1 - loss) * kept + pull * gone)

    def _moves(self, h: float, count: int) -> tuple[float, float]:
        """Return ``(kept, gone)``: ``count`` moves of the discriminator are ``psi -> kept psi - b gone theta``."""
        kept = (1 - h * self.a) ** count
        return kept, count * h if self.a == 0 else (1 - kept) / self.a


CUSPED = ("wgan_gp", "dragan_two_sided")
"""Methods that push a flat critic away from flat: there is nothing to linearise."""


def closed_form(
    method: str, numbers: Mapping[str, float], spread: float, update: str, h: float, n: int = 1
) -> tuple[Roots | None, Roots | None]:
    """Return the eigenvalues of the vector field and those of one iteration; None where there is no closed form.

    Args:
        method: see ``damping``.
        numbers: of the methods.
        spread: 0 for the Dirac-GAN.
        update: ``simultaneous`` or ``alternating``.
        h: the step.
        n: moves of the discriminator.
    """
    if method in CUSPED and numbers["center"] * numbers["weight"] != 0:
        return None, None
    if method == "wgan_gp" or (method.startswith("dragan") and numbers["center"] == 0):
        return None, None
    system = Linear(damping(method, numbers, spread), 1.0 if method == "wgan" else LOGISTIC, n)
    together = update == "simultaneous"
    plain = system.simultaneous(h) if together else system.alternating(h)
    if method == "consensus":
        field = system.consensus(numbers["gamma"])
        return field, [1 + h * root for root in field] if together else None
    if method == "unrolled":
        return system.eigenvalues(), system.unrolled(h, int(numbers["unroll"]), not together)
    if method in ("extragradient", "optimistic"):
        return system.eigenvalues(), getattr(system, method)(h) if together else None
    return system.eigenvalues(), plain
