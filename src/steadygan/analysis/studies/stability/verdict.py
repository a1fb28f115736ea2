"""The verdict from eigenvalues, zero modes and the field's norm, with its reasons."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import pi

import numpy as np

from steadygan.analysis.studies.stability.settings import Settings
from steadygan.theory.spectrum import Complex, Spectrum
from steadygan.theory.zero_modes import ZeroModes

ATTRACTING = "locally attracting"
ROTATING = "rotating"
UNSTABLE = "unstable"
ELSEWHERE = "not near an equilibrium"
UNDECIDED = "undecided"
VERDICTS = (ATTRACTING, ROTATING, UNSTABLE, ELSEWHERE, UNDECIDED)

EXACT = 1e-6
"""Share of the field's norm at the start up to which it is 0: only there do zero modes say anything about it."""

NOISE = 2.0
"""Standard errors of the batch within which a field's norm is none."""


@dataclass(frozen=True)
class Norms:
    """Norms of the field: at the state, its standard error over batches, and before the first iteration."""

    here: float
    noise: float
    start: float

    @property
    def exact(self) -> bool:
        """Whether it is 0."""
        return self.here <= EXACT * self.start

    def allowed(self, near: float) -> float:
        """Up to this it is near an equilibrium."""
        return max(near * self.start, NOISE * self.noise)


def tolerance(scale: float, norms: Norms, settings: Settings) -> float:
    """Return the largest real part that is none: rounding, and what is left of the field."""
    left = norms.here / norms.start if norms.start > 0 else 1.0
    return scale * max(settings.zero, settings.slack * min(left, 1.0))


def judge(
    spectrum: Spectrum,
    held_out: Mapping[int, complex],
    modes: ZeroModes,
    norms: Norms,
    settings: Settings,
    unsure: float = 0.0,
) -> tuple[str, list[str]]:
    """Return the verdict and its reasons, one line each.

    Args:
        spectrum: of the field's Jacobian.
        held_out: to first order, the eigenvalue on an independent batch of those in these places.
        modes: what the zeros are.
        norms: of the field.
        settings: thresholds.
        unsure: the residual of the largest real part that there is, where not all are known.
    """
    allowed = norms.allowed(settings.near)
    where = f"field norm {norms.here:.3g}, at the start {norms.start:.3g}, standard error {norms.noise:.3g}"
    if norms.here > allowed:
        return ELSEWHERE, [f"{where}; near an equilibrium up to {allowed:.3g}"]
    values = spectrum.values
    scale = float(np.abs(values).max(initial=0.0))
    bound = tolerance(scale, norms, settings)
    reasons = [where, *_limits(spectrum, modes, norms.exact)]
    growing = np.flatnonzero(values.real - spectrum.residuals > bound)
    confirmed = [index for index in growing if held_out.get(int(index), -np.inf).real > bound]
    unchecked = [index for index in growing if int(index) not in held_out]
    if confirmed or unchecked:
        worst = values[(confirmed or unchecked)[0]]
        also = "on other draws too" if confirmed else "which could not be looked at on other draws"
        return UNSTABLE, [f"an eigenvalue {worst:.3g}, its real part above {bound:.3g}, {also}", *reasons]
    if norms.exact and (modes.drifting or modes.repelling):
        return UNSTABLE, ["directions without a linear force that lead away", *reasons]
    noisy = int((values.real > bound).sum())
    if noisy:
        reasons.append(f"{noisy} real parts above {bound:.3g} that other draws, or their residuals, do not confirm")
    if unsure > bound:
        return UNDECIDED, [f"the largest real part is known to {unsure:.3g} only: try a larger budget", *reasons]
    turning = _turning(values, bound, settings.turns)
    if len(turning):
        first = turning[np.argmax(np.abs(turning.imag) / np.maximum(np.abs(turning.real), 1e-300))]
        turns = f"turns more than {settings.turns:g} times while it falls by e, or its fall is below {bound:.3g}"
        return ROTATING, [f"a mode {first:.3g} {turns}", *reasons]
    return ATTRACTING, [f"no real part above {bound:.3g}", *reasons]


def _turning(values: Complex, bound: float, turns: float) -> Complex:
    """Return those of ``values`` that turn."""
    slow = np.maximum(np.abs(values.imag) / (2 * pi * turns), bound)
    return values[(np.abs(values.imag) > bound) & (np.abs(values.real) <= slow)]


def _limits(spectrum: Spectrum, modes: ZeroModes, exact: bool) -> list[str]:
    """Return what was not examined."""
    limits = []
    if not spectrum.whole:
        limits.append(f"{len(spectrum.values)} eigenvalues of all: the outermost of each kind and some about 0")
    if not exact:
        return [*limits, "zero modes cannot decide, as the field is not 0"] if spectrum.zeros.shape[1] else limits
    if modes.marginal:
        limits.append(f"{modes.marginal} marginal directions: attracting, but slower than any exponential")
    if modes.untested:
        limits.append(f"{modes.untested} zero modes were not followed")
    return limits
