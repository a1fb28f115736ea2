"""``steadygan stability RUN``: from a checkpoint to ``stability.json`` and its figure."""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from steadygan.analysis.linearised import STREAM, Field, Iteration, scene
from steadygan.analysis.studies.output import Record
from steadygan.analysis.studies.progress import stages
from steadygan.analysis.studies.stability import figures, spectra
from steadygan.analysis.studies.stability.path import along, flat
from steadygan.analysis.studies.stability.settings import Settings
from steadygan.analysis.studies.stability.verdict import Norms, judge, tolerance
from steadygan.common.errors import Interrupted, UserError, bad_value
from steadygan.config.node import PLAYERS, Config
from steadygan.core.draws import stream_seed
from steadygan.core.state import State
from steadygan.figures import png
from steadygan.runs import files
from steadygan.runs.loading import TrainedGAN, load
from steadygan.theory.spectrum import KINDS, Complex, Spectrum, antisymmetry, part

NAME = "stability"

HELD = (
    "buffers (running statistics, vectors of spectral norms), snapshots, what penalties keep, "
    "the counts of updates of optimizers and games"
)

STANDING = 1e-6
"""A multiplier this close to 1 does not move."""


def run(
    directory: Path,
    settings: Settings,
    report: Callable[[str], None],
    trust: Iterable[str] = (),
    data: Config | None = None,
) -> None:
    """Write ``stability.json`` and ``stability.png`` into the run's folder.

    Args:
        directory: of the run.
        settings: of the analysis.
        report: takes lines to be shown.
        trust: as for ``steadygan.load``.
        data: as for ``steadygan.load``.

    Raises:
        UserError: there is no such run or checkpoint, or its field is not finite.
        Interrupted: Ctrl-C; nothing was written.
    """
    which = checkpoint(directory, "checkpoint", settings.checkpoint)
    trained = load(which, trust, data)
    suffix = f"-{which.stem}" if which.is_file() and which.stem != "last" else ""
    path = trained.directory / f"{NAME}{suffix}.json"
    try:
        with trained.computing(), stages() as stage:
            analysis = analyse(trained, settings, stage)
    except KeyboardInterrupt:
        raise Interrupted(f"nothing was written to {path}") from None
    files.write_json(path, analysis)
    png.save(figures.figure(analysis), path.with_suffix(".png"))
    for line in summary_lines(analysis):
        report(line)
    report(f"{path}, {path.with_suffix('.png').name}")


def checkpoint(directory: Path, key: str, name: str) -> Path:
    """Return the file of a checkpoint of a run, or the run's folder for its last.

    Args:
        directory: of the run; or a checkpoint's file, which then is the one.
        key: that ``name`` is the value of.
        name: ``last``, ``best`` or an iteration.

    Raises:
        UserError: there is none of this name.
    """
    if name == "last" or (not (directory / files.CONFIG).is_file() and not directory.is_file()):
        return directory  # what is wrong with it is told where it is read
    if directory.is_file():
        raise bad_value(key, name, f"{directory} is a checkpoint already; name the run's folder")
    checkpoints = {path.stem: path for path in sorted((directory / files.CHECKPOINTS).glob("*.ckpt"))}
    numbered = f"{int(name):07d}" if name.isdecimal() else name
    if numbered not in checkpoints:
        known = ", ".join(sorted(checkpoints)) or "none"
        raise UserError(f"{key}={name}: {directory} has no such checkpoint\nCheckpoints: {known}")
    return checkpoints[numbered]


def analyse(trained: TrainedGAN, settings: Settings, stage: spectra.Stage) -> Record:
    """Return all that ``stability.json`` holds."""
    seed, size = trained.config["seed"], settings.examples(trained.shape)
    here, other = (scene(trained.components, trained.state, trained.iteration, seed, size, index) for index in (0, 1))
    start = here.at(_start(trained, settings))
    field, check = Field(here), Field(other)
    norms = _norms(trained, field, check, Field(here.at(trained.initial())))
    linear = spectra.of_field(field, settings, stage)
    kept = part(check.operator(), linear.kept)
    above = tolerance(linear.scale, norms, settings)
    held_out = spectra.held_out(linear, kept, settings, stage, above)
    stage("zero modes")
    modes = spectra.zeros(field, linear, settings, follow=norms.exact)
    verdict, reasons = judge(linear.spectrum, held_out, modes, norms, settings, linear.unsure)
    tick = stage("path")
    way = along(lambda x: field(x).detach(), flat(start.state, PLAYERS), field.x, settings.points, tick)
    multipliers, standing = spectra.of_iteration(Iteration(here), settings, stage)
    share, norm = _rotation(linear, settings, stage)
    values = linear.spectrum.values
    return {
        "verdict": verdict,
        "reasons": reasons,
        "run": trained.directory.name,
        "iteration": trained.iteration,
        "parameters": len(field.x),
        "all_eigenvalues": linear.spectrum.whole,
        "eigenvalues": _pairs(values),
        "residuals": linear.spectrum.residuals.tolist(),
        **{name: _largest(linear.spectrum, which) for name, which in zip(LARGEST, KINDS)},
        "held_out": [
            _pair(held_out[index]) if index in held_out else None for index in range(max(held_out, default=-1) + 1)
        ],
        "spectral_abscissa": float(values.real.max()) if len(values) else 0.0,
        **_multipliers(multipliers, standing),
        "field_norm": norms.here,
        "field_noise": norms.noise,
        "field_norm_initial": norms.start,
        "parameter_norm": float(field.x.norm()),
        "rotation": {"antisymmetric": share, "jacobian_norm": norm, **_turning(values)},
        "linearisation_error": _linearisation_error(field),
        "zero_modes": {"idle": int((~linear.kept).sum()), **asdict(modes)},
        "path": way,
        "tolerance": above,
        "search": linear.search,
        "held": HELD,
        "draws": {"seed": stream_seed(seed, STREAM) >> 1, "size": size},
        "settings": asdict(settings),
    }


LARGEST = ("largest_real", "largest_imaginary", "largest_modulus")


def _start(trained: TrainedGAN, settings: Settings) -> State:
    if settings.path == "initial":
        return trained.initial()
    return trained.at(checkpoint(trained.directory, "path", settings.path)).state


def _norms(trained: TrainedGAN, field: Field, check: Field, start: Field) -> Norms:
    v, other = field(field.x), check(check.x)
    norms = Norms(float(v.norm()), float((v - other).norm()) / 2**0.5, float(start(start.x).norm()))
    if not np.isfinite([norms.here, norms.noise]).all():
        diverged = trained.summary.get("diverged_at")
        why = f": it diverged in iteration {diverged}" if diverged else ""
        raise UserError(f"{trained.directory}: the field is not finite at its checkpoint{why}; nothing to linearise")
    return norms


def _rotation(linear: spectra.Linear, settings: Settings, stage: spectra.Stage) -> tuple[float, float]:
    draws = np.random.default_rng(7).choice([-1.0, 1.0], (settings.probes, linear.operator.size))
    if linear.written is not None:
        jacobian = linear.written
        norm = float(np.linalg.norm(jacobian))
        return (float(np.linalg.norm(jacobian - jacobian.T)) / 2 / norm if norm else 0.0), norm
    return antisymmetry(linear.operator.watched(stage("rotation: products")), draws)


def _turning(values: Complex) -> Record:
    """Return the mode that turns most: ``|Im| / |lambda|``, and the period of the fastest."""
    moving = values[np.abs(values) > 0]
    shares = np.abs(moving.imag) / np.abs(moving)
    fastest = float(np.abs(values.imag).max(initial=0.0))
    return {
        "largest_share": float(shares.max(initial=0.0)),
        "leading_share": float(shares[np.abs(moving).argmax()]) if len(moving) else 0.0,
        "shortest_period": 2 * np.pi / fastest if fastest > 0 else None,
    }


def _multipliers(spectrum: Spectrum, standing: int) -> Record:
    """Return the largest modulus of one iteration's multipliers: of all, and of those that move."""
    moduli = np.abs(spectrum.values)
    largest = float(moduli.max(initial=0.0))
    moving = np.abs(spectrum.values - 1) > STANDING
    order = np.argsort(-moduli)[:50]
    widest = int(moduli.argmax()) if len(moduli) else None
    return {
        "spectral_radius": max(largest, 1.0) if standing else largest,
        "spectral_radius_moving": float(moduli[moving].max(initial=0.0)),
        "spectral_radius_residual": 0.0 if widest is None else float(spectrum.residuals[widest]),
        "multipliers": _pairs(spectrum.values[order]),
        "multiplier_residuals": spectrum.residuals[order].tolist(),
        "standing": standing + int((~moving).sum()),
    }


def _linearisation_error(field: Field) -> float:
    """Return ``|v(w + d) - v(w) - J d| / |J d|`` along a random ``d`` of 1e-3 of the weights' length.

    Large where the field has kinks (piecewise linear activations), which no Jacobian sees.
    """
    d = torch.as_tensor(np.random.default_rng(8).standard_normal(len(field.x)), device=field.x.device)
    d = d * (1e-3 * max(float(field.x.norm()), 1e-3) / d.norm())
    pushed = torch.as_tensor(field.operator().push(d.cpu().numpy()), device=d.device)
    return float((field(field.x + d) - field(field.x) - pushed).norm() / pushed.norm().clamp(min=1e-300))


def _largest(spectrum: Spectrum, which: str) -> list[float] | None:
    sizes = KINDS[which](spectrum.values)
    return _pair(spectrum.values[sizes.argmax()]) if len(sizes) else None


def _pair(value: complex) -> list[float]:
    return [float(np.real(value)), float(np.imag(value))]


def _pairs(values: Complex) -> list[list[float]]:
    return [_pair(value) for value in values]


def summary_lines(analysis: Record) -> list[str]:
    """Return the lines for the terminal."""
    zero = analysis["zero_modes"]
    real = [f"{re:.4g}{im:+.4g}i" for re, im in analysis["eigenvalues"][:3]]
    counts = ", ".join(f"{zero[kind]} {kind}" for kind in ("idle", "symmetry", "manifold", "marginal", "drifting"))
    return [
        f"{analysis['verdict']} (iteration {analysis['iteration']})",
        *(f"  {reason}" for reason in analysis["reasons"]),
        f"  eigenvalues of largest real part {', '.join(real)}",
        f"  one iteration: spectral radius {analysis['spectral_radius']:.6g}, "
        f"{analysis['spectral_radius_moving']:.6g} of what moves",
        f"  rotation: {analysis['rotation']['antisymmetric']:.0%} antisymmetric; zero modes: {counts}",
    ]
