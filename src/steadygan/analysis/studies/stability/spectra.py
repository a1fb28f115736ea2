"""The eigenvalues of a field and of an iteration, dense or not, with what is checked about them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import numpy as np
import torch
from numpy.typing import NDArray

from steadygan.analysis.linearised import Field, Iteration, jvp
from steadygan.analysis.studies.output import Record
from steadygan.analysis.studies.stability.settings import Settings
from steadygan.theory import spectrum as of
from steadygan.theory import zero_modes
from steadygan.theory.spectrum import KINDS, LARGE, LARGER, Operator, Spectrum

CONVERGED = 1e-6
"""A residual, over the largest modulus, at which an eigenvalue is found."""

SEEN = 1e-3
"""One at which it is told at all."""

DISTANCE = 0.01
"""How far zero modes are followed, over the length of all weights (at least 1)."""

Tick = Callable[[], None]
Stage = Callable[[str], Tick]


@dataclass(frozen=True)
class Linear:
    """A field's Jacobian.

    Attributes:
        operator: less the idle coordinates.
        kept: which those are not, ``[n]``.
        written: the matrix, where it was written out.
        spectrum: its eigenvalues.
        search: of one that was not written out, by kind and for ``zero``: how many were ``asked`` for and ``found``,
            and the ``residual`` of the outermost, or of the worst about 0.
    """

    operator: Operator
    kept: NDArray[np.bool_]
    written: NDArray | None
    spectrum: Spectrum
    search: dict[str, Record]

    @property
    def unsure(self) -> float:
        """The residual of the largest real part; 0 where all are known."""
        return self.search["LR"]["residual"] if self.search else 0.0

    @property
    def scale(self) -> float:
        """The largest modulus."""
        return float(np.abs(self.spectrum.values).max(initial=0.0))


def of_field(field: Field, settings: Settings, stage: Stage) -> Linear:
    """Return the eigenvalues of ``field`` at its state: all, or the outermost of each kind and those about 0."""
    operator_all = field.operator()
    kept = ~_idle(field, operator_all)
    operator = of.part(operator_all, kept)
    if settings.writes_out(operator.size):
        written = of.matrix(operator.watched(stage(f"rows of {operator.size:,}")))
        stage("eigenvalues of the field")
        return Linear(operator, kept, written, of.dense(operator, settings.zero, written), {})
    return Linear(operator, kept, None, *search(operator, settings, stage))


def _idle(field: Field, operator: Operator) -> NDArray[np.bool_]:
    """Coordinates that move nothing or are moved by nothing, not only to first order: also a little way off."""
    still = of.idle(operator, 0.0)
    if not still.any():
        return still
    x, mask = field.x, torch.as_tensor(still, device=field.x.device)
    here = field(x)
    draws = torch.as_tensor(np.random.default_rng(6).standard_normal(len(x)), device=x.device)
    size = max(float(x.square().mean().sqrt()), 1e-3)
    for share in (1e-2, 1e-3, 1e-4):  # a dead unit comes to life if it is moved too far
        away = field(x + share * size * draws * mask)
        if float((away - here).abs().max()) <= 1e-12 * float(here.abs().max()):
            return still
    return np.zeros_like(still)


def search(operator: Operator, settings: Settings, stage: Stage) -> tuple[Spectrum, dict[str, Record]]:
    """Return the eigenvalues without the matrix, and what was found, see ``Linear``.

    By one Krylov space for all kinds, ARPACK for those that it does not show well enough, and a larger space for those
    about 0.
    """
    count, budget = settings.count, settings.budget
    space = of.ritz(operator.watched(stage("Krylov space: products")), min(budget, LARGE))
    scale = float(np.abs(space.values).max(initial=0.0))
    zero, accuracy, spectra = settings.zero * scale, {}, []
    for which, sizes in KINDS.items():
        places = of.extremes(space.values, which, count)
        spectrum = space.spectrum(places)
        if spectrum.residuals.max(initial=0.0) > CONVERGED * scale:
            spectrum = of.outermost(operator.watched(stage(f"{which}: products")), which, count, budget)
        spectra.append(spectrum)
        outer = int(sizes(spectrum.values).argmax())
        accuracy[which] = _accuracy(spectrum.largest(which, count), count, scale, spectrum.residuals[outer])
    about = of.nearest(operator.watched(stage("about 0: products")), zero, count, budget=min(5 * budget, LARGER))
    accuracy["zero"] = _accuracy(about, count, scale, about.residuals.max(initial=0.0))
    spectra += [about, space.spectrum(np.flatnonzero(space.residuals <= SEEN * scale).tolist())]
    spectra = [_seen(spectrum, SEEN * scale, zero) for spectrum in spectra]
    return reduce(Spectrum.joined, sorted(spectra, key=lambda spectrum: spectrum.residuals.max(initial=0.0))), accuracy


def _accuracy(spectrum: Spectrum, requested: int, scale: float, residual: float) -> Record:
    return {
        "asked": requested,
        "found": int((spectrum.residuals <= CONVERGED * scale).sum()),
        "residual": float(residual),
    }


def _seen(spectrum: Spectrum, limit: float, zero: float) -> Spectrum:
    """Keep the eigenvalues that are accurate enough to be reported; and, more strictly, to count as 0."""
    good = spectrum.residuals <= limit
    zeros = (np.abs(spectrum.values) <= zero) & (spectrum.residuals <= zero)
    return spectrum.chosen(np.flatnonzero(good), of.span(spectrum.vectors[:, zeros]))


def held_out(linear: Linear, other: Operator, settings: Settings, stage: Stage, above: float) -> dict[int, complex]:
    """Return eigenvalues on other draws, to first order: ``w^H J' u / w^H u``, ``w`` the left eigenvector.

    Those of largest real part, and all whose real part is above a bound, by the index of the eigenvalue; without those
    of which no left eigenvector was found. An eigenvalue that is an extreme of one batch's noise does not come back.
    """
    spectrum = linear.spectrum
    places = range(min(max(settings.count, int((spectrum.values.real > above).sum())), len(spectrum.values)))
    tick = stage("other draws: products")
    if linear.written is not None:
        values, left = of.eigenpairs(linear.written.T)
    else:
        turned = linear.operator.transposed().watched(tick)
        found = of.outermost(turned, "LR", len(places) + 2, budget=settings.budget)
        values, left = found.values, found.vectors
    found = {}
    for index in places:
        value, u = spectrum.values[index], spectrum.vectors[:, index]
        # A left eigenvector of J is w^H J = lambda w^H, so that J^T conj(w) = lambda conj(w).
        nearest = int(np.abs(values - value).argmin()) if len(values) else 0
        if not len(values) or abs(values[nearest] - value) > 1e-4 * linear.scale:
            continue
        w = left[:, nearest]
        share = w @ u
        if abs(share) > 1e-8:
            tick()
            found[index] = complex(w @ other.times(u) / share)
    return found


def zeros(field: Field, linear: Linear, settings: Settings, follow: bool) -> zero_modes.ZeroModes:
    """Analyse the eigenvalues that count as 0.

    Those that are no symmetries are followed where ``follow``: it says something where the field is 0.
    """
    device, dtype = field.x.device, field.x.dtype
    kept = torch.as_tensor(linear.kept, device=device)

    def placed(vector: NDArray) -> torch.Tensor:
        full = torch.zeros_like(field.x)
        full[kept] = torch.as_tensor(vector, device=device, dtype=dtype)
        return full

    push = jvp(field.outputs, field.x)
    cut = settings.zero * linear.scale
    game = zero_modes.Game(
        operator=linear.operator,
        field=lambda d: field(field.x + placed(d))[kept].detach().cpu().numpy(),
        change=lambda u: push(placed(u)).detach().cpu().numpy(),
        scale=linear.scale,
        solve=None if linear.written is None else zero_modes.pseudo_inverse(linear.written, cut),
    )
    distance = DISTANCE * max(1.0, float(field.x.norm()))
    most = zero_modes.MOST if follow else 0
    return zero_modes.sort_out(game, linear.spectrum.zeros, distance, cut, most)


def of_iteration(iteration: Iteration, settings: Settings, stage: Stage) -> tuple[Spectrum, int]:
    """Return the multipliers of one iteration: the largest in modulus, or all where it is small.

    Also how many coordinates stay as they are or are looked at by nothing, each with the multiplier 1.
    """
    operator_all = iteration.operator()
    still = of.idle(operator_all, 1.0)
    operator = of.part(operator_all, ~still).watched(stage("one iteration: products"))
    if not operator.size:
        return of.dense(operator), int(still.sum())
    if settings.writes_out(operator.size):
        return of.dense(operator), int(still.sum())
    scale = of.balance(operator)
    spectrum = of.outermost(of.scaled(operator, scale), "LM", settings.count, budget=settings.budget)
    return of.measured(operator, spectrum.values, scale[:, None] * spectrum.vectors), int(still.sum())
