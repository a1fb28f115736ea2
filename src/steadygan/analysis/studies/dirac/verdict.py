"""Whether a method converges: found by eigenvalues where the field is smooth, by simulation where it has a cusp."""

from collections.abc import Iterable
from dataclasses import asdict

import numpy as np
import torch

from steadygan.analysis.studies.dirac.settings import CASES, Settings
from steadygan.analysis.studies.dirac.simulate import ring, trajectories
from steadygan.analysis.studies.dirac.spectrum import (
    CUSP,
    critical_step,
    field_eigenvalues,
    map_eigenvalues,
    radius,
    remainder,
    smooth,
)
from steadygan.analysis.studies.dirac.systems import UPDATES, Method, System, methods
from steadygan.analysis.studies.output import Record
from steadygan.theory.dirac import closed_form, expected

TOLERANCE = 1e-6
"""Of the spectral abscissa."""

CIRCLE = 1e-9
"""How close to 1 a modulus is 1."""

TIME, FALL = 200.0, 1e-3
"""A trajectory converges if its distance to the equilibrium falls to ``FALL`` of the start within ``h T = TIME``."""

RADII = (0.1, 1.0, 2.0)


def records(settings: Settings) -> list[Record]:
    """Return a record for each method, update and case."""
    return [
        record(name, method, update, case, settings)
        for name, method in methods(settings).items()
        for update in UPDATES
        for case in CASES
    ]


def record(name: str, method: Method, update: str, case: str, settings: Settings) -> Record:
    """Return what is expected and what is found; complex numbers as [re, im]."""
    h, spread = settings.step, CASES[case]
    system = System(method, update, spread, settings.n_critic)
    field, one = closed_form(name, asdict(settings), spread, update, h, system.moves)
    table = expected(name, case)
    judgement = judge(system, h)
    critical = name == "unregularised" and update == "alternating" and case == "general"
    return {
        "method": name,
        "update": update,
        "case": case,
        "expected": table,
        **judgement,
        "why": None if table in (None, judgement["found"]) else _why(name, judgement, settings),
        "eigenvalues_analytic": _pairs(field),
        "eigenvalues_discrete_analytic": _pairs(one),
        "critical_step": critical_step(system) if critical else None,
        "step": h,
        "n_critic": system.moves,
        "settings": asdict(settings),
    }


def judge(system: System, h: float) -> Record:
    """Return ``found``, ``mode``, ``note`` and what they rest on."""
    if not smooth(system):
        return _by_simulation(system, h)
    eigenvalues, one = field_eigenvalues(system), map_eigenvalues(system, h)
    moduli = np.abs(one)
    abscissa, largest = float(np.real(eigenvalues).max()), float(moduli.max())
    found, mode, note = _smooth(system, h, abscissa, largest)
    return {
        "found": found,
        "mode": mode,
        "note": note,
        "eigenvalues": _pairs(eigenvalues),
        "eigenvalues_discrete": _pairs(one),
        "moduli": moduli.tolist(),
        "spectral_abscissa": abscissa,
        "spectral_radius": largest,
        "worst_fall": None,
    }


def _smooth(system: System, h: float, abscissa: float, largest: float) -> tuple[bool, str, str | None]:
    if largest < 1 - CIRCLE and abscissa < -TOLERANCE:
        noisy = system.method.langevin is not None
        return True, "linear", "in the mean; its noise keeps it around the equilibrium" if noisy else None
    if largest < 1 - CIRCLE and system.method.foresight and all(radius(system, h / k) < 1 for k in (2, 4)):
        return True, "linear", "at this step and smaller ones; the rate per step vanishes with the step"
    if largest > 1 + CIRCLE:
        late = abscissa < -TOLERANCE
        return False, "divergent", "converges at smaller steps" if late else None
    return _on_the_circle(system, h)


def _on_the_circle(system: System, h: float) -> tuple[bool, str, str | None]:
    """Return the linear part decides nothing: look where a trajectory goes."""
    path = trajectories(system, ring((1.0,), 4), h, round(TIME / h)).norm(dim=2).mean(1)
    early, middle, late = (float(part.mean()) for part in (path[: len(path) // 5], *path.tensor_split(5)[2::2]))
    if early > 1.05 * middle > 1.05**2 * late:
        return False, "sublinear", "no linear rate: the modulus is 1; the distance falls like a power of time"
    if late > 1.05 * middle > 1.05**2 * early:
        return False, "divergent", None
    return False, "neutral", None


def _by_simulation(system: System, h: float) -> Record:
    """Autodiff at a cusp gives nonsense, so several steps and starts; the distance counts, not the last move."""
    starts, steps = ring(RADII, 4), [2 * h, h, h / 2]
    everyone = starts.repeat(len(steps), 1)
    h_each = torch.tensor(steps, dtype=starts.dtype).repeat_interleave(len(starts))
    path = trajectories(system, everyone, h_each, round(TIME / min(steps))).norm(dim=2)
    falls = []
    for member, h_own in enumerate(h_each.tolist()):
        last = round(TIME / h_own)
        falls.append(float(path[last - last // 10 : last + 1, member].max() / path[0, member]))
    worst = float(np.max(falls))  # not a number where one is
    stable = worst < FALL
    return {
        "found": stable,
        "mode": "linear" if stable else "not_an_equilibrium" if remainder(system) > CUSP else "divergent",
        "note": f"by simulation from {len(starts)} starts with steps {', '.join(f'{step:g}' for step in steps)}",
        "eigenvalues": [],
        "eigenvalues_discrete": [],
        "moduli": [],
        "spectral_abscissa": None,
        "spectral_radius": None,
        "worst_fall": worst,
    }


def _why(name: str, judgement: Record, settings: Settings) -> str:
    if name == "dragan_two_sided" and judgement["mode"] == "not_an_equilibrium":
        return (
            "the two-sided penalty punishes a flat critic too: at psi = 0 it pushes with 2 weight center "
            f"= {2 * settings.weight * settings.center:g}, so there is no equilibrium; the cell is the one-sided form's"
        )
    if judgement["spectral_abscissa"] is None:
        return f"at these numbers: mode {judgement['mode']}, worst fall {judgement['worst_fall']:.4g}"
    if judgement["mode"] == "divergent" and judgement["note"]:
        return f"the step {settings.step:g} is too large: modulus {judgement['spectral_radius']:.4g}"
    return f"at these numbers: mode {judgement['mode']}, spectral abscissa {judgement['spectral_abscissa']:.4g}"


def _pairs(values: Iterable[complex] | None) -> list[list[float]] | None:
    return None if values is None else [[float(np.real(value)), float(np.imag(value))] for value in values]
