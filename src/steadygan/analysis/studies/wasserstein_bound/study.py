"""``steadygan theory wasserstein-bound``: both sides while noise is annealed.

The distributions are those of as many samples of the data and of the generator: their Wasserstein distance is that of
the exact transport plan, and the Jensen-Shannon divergence under noise that of densities which are known, by
quadrature. No critic is asked: its lower bound of the divergence could not vouch for an upper bound of a distance.

Reference: Arjovsky and Bottou (2017), theorem 3.3, arXiv:1701.04862.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from steadygan.analysis.studies.discriminator_training import composed, fresh
from steadygan.analysis.studies.output import Record, list_files, write
from steadygan.analysis.studies.progress import track
from steadygan.analysis.studies.wasserstein_bound.settings import Settings
from steadygan.common.errors import bad_value
from steadygan.core.draws import generator
from steadygan.figures.spec import Axis, Figure, Line, Panel
from steadygan.figures.style import COLOURS, Style
from steadygan.theory.distances import earth_mover
from steadygan.theory.noise_bound import bound
from steadygan.training.evaluation import draw
from steadygan.training.module import GANModule

STREAM = "theory/wasserstein_bound"


def run(folder: Path, settings: Settings, report: Callable[[str], None]) -> None:
    """Write ``results.json`` and ``wasserstein_bound.png`` into ``folder``."""
    torch.set_num_threads(1)
    gan = start(settings)
    results = list(track(looks(gan, settings), len(iterations(settings)), "looks"))
    write(folder, results, wasserstein_bound=figure(results))
    report(f"{'iteration':>9}{'sigma':>8}{'W':>8}{'sqrt(2) C':>11}{'2 C':>8}{'JSD':>9}")
    for one in results[:: max(1, len(results) // 8)]:
        report(f"{one['iteration']:9}{one['sigma']:8.3f}{one['wasserstein']:8.3f}{one['tight']:11.3f}{one['paper']:8.3f}"
             f"{one['jsd']:9.4f}")  # fmt: skip
    broken = sum(one["wasserstein"] > one["tight"] for one in results)
    report(f"the bound is broken at {broken} of {len(results)} looks")
    list_files(folder, report)


def start(s: Settings) -> GANModule:
    """Return the GAN at its beginning.

    Raises:
        UserError: the data are no endless data in the plane.
    """
    noise = ["noise=instance", "+schedule@noise.sigma=linear", f"noise.sigma.start={s.sigma}", "noise.sigma.end=0.0"]
    rates = [f"optimizer.{player}.lr={s.lr}" for player in ("generator", "discriminator")]
    overrides = [f"dataset={s.dataset}", "network=mlp", f"network.width={s.width}", f"batch_size={s.batch_size}"]
    overrides += [f"seed={s.seed}", f"iterations={s.iterations}", *noise, *rates]
    gan = fresh(composed(overrides))
    if tuple(gan.components.dataset.shape) != (2,):
        raise bad_value("dataset", s.dataset, "must be points in the plane", ["ring", "grid", "circle", "four_lines"])
    return gan


def iterations(s: Settings) -> list[int]:
    """Return the iterations at which the study looks."""
    return [*range(0, s.iterations, s.every), s.iterations]


def looks(gan: GANModule, s: Settings) -> Iterator[list[Record]]:
    """Yield the records, each as a list of one."""
    endless = gan.components.dataset.sample  # pyright: ignore[reportAttributeAccessIssue] data in the plane have it
    real, _ = endless(s.samples, generator(s.seed, STREAM), torch.float64)
    for due in iterations(s):
        for iteration in range(gan.iteration, due):
            gan.advance(iteration)
            if gan.diverged_at is not None:
                raise bad_value("lr", s.lr, f"the GAN diverged in iteration {gan.diverged_at}")
        fake = draw(gan, s.samples, STREAM).double().numpy()
        sigma = max(s.least, s.sigma * (1 - due / s.iterations))
        distance = earth_mover(real.numpy(), fake)
        yield [{"iteration": due, "wasserstein": distance, **asdict(bound(real.numpy(), fake, sigma))}]


LINES = {
    "wasserstein": ("W(data, generated)", Style("#000000")),
    "paper": ("2 sqrt(V) + 2 C sqrt(JSD)", Style(COLOURS[0])),
    "tight": ("2 sqrt(V) + sqrt(2) C sqrt(JSD)", Style(COLOURS[1])),
    "noise": ("2 sqrt(V)", Style(COLOURS[2], "dot")),
    "jsd": ("JSD of the noisy distributions", Style(COLOURS[3], "dash")),
}


def figure(results: Sequence[Record]) -> Figure:
    """Return both sides, and the parts of the larger one, over the run."""
    at = [one["iteration"] for one in results]
    values = {key: np.maximum([one[key] for one in results], 1e-6) for key in LINES}
    lines = [Line(x=at, y=values[key], name=name, style=style) for key, (name, style) in LINES.items()]
    return Figure([Panel(lines, Axis("iteration"), Axis(scale="log"))], width=7.5)
