"""``steadygan theory rank``.

The samples of a generator lie on a set of no more dimensions than its Jacobian has rank: with ReLUs the generator is
linear in pieces, and each piece maps the latents to a plane of that dimension. Below the dimension of the data such
a set has measure zero.

Reference: Arjovsky and Bottou (2017), lemma 1, arXiv:1701.04862.
"""

from collections.abc import Callable, Iterator, Sequence
from math import prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from steadygan.analysis.studies.discriminator_training import composed, fresh
from steadygan.analysis.studies.output import Record, list_files, write
from steadygan.analysis.studies.progress import track
from steadygan.analysis.studies.rank.settings import Settings
from steadygan.common.errors import bad_value
from steadygan.core.draws import generator, normal_like
from steadygan.figures.spec import Axis, Figure, Line, Panel
from steadygan.figures.style import COLOURS, Style
from steadygan.runs.loading import load
from steadygan.theory.rank import jacobian, rank

STREAM = "theory/rank"


def run(folder: Path, settings: Settings, report: Callable[[str], None]) -> None:
    """Write ``results.json`` and ``rank.png`` into ``folder``."""
    torch.set_num_threads(1)
    sample, latent, shape = subject(settings)
    results = list(track(records(sample, latent, settings), settings.points, "latents"))
    write(folder, results, rank=figure(results))
    ranks = [one["rank"] for one in results]
    report(f"latents of {latent} dimensions, samples of {prod(shape)}")
    report(f"rank of the Jacobian at {len(ranks)} latents: {min(ranks)} to {max(ranks)}")
    if max(ranks) < prod(shape):
        report(f"the samples lie on a set of at most {max(ranks)} dimensions, which has measure zero")
    list_files(folder, report)


def subject(s: Settings) -> tuple[Callable[[Tensor], Tensor], int, tuple[int, ...]]:
    """Return the generator as ``z [latent] -> x [*shape]`` in float64, the dimension of z, the shape."""
    if s.run:
        gan = load(s.run)
        shape = gan.shape
    else:
        overrides = [f"dataset={s.dataset}", f"network={s.network}", f"network.width={s.width}", f"seed={s.seed}"]
        gan = fresh(composed([*overrides, f"network.latent={s.latent}"]))
        shape = tuple(gan.components.dataset.shape)
    if gan.classes is not None:
        raise bad_value("run", s.run, "a conditional generator has a rank in each class; train one without labels")
    apply, averaged = gan.averaged()
    weights = {name: value.double() if value.is_floating_point() else value for name, value in averaged.items()}

    def sample(z: Tensor) -> Tensor:
        return apply(weights, weights, z[None])[0][0]

    return sample, gan.latent, shape


def records(sample: Callable[[Tensor], Tensor], latent: int, s: Settings) -> Iterator[list[Record]]:
    """Yield for each latent ``rank``, ``singular_values`` and ``bound``, the smaller of both dimensions."""
    for index, z in enumerate(normal_like(generator(s.seed, STREAM), (s.points, latent), torch.float64)):
        matrix = jacobian(sample, z)
        values = torch.linalg.svdvals(matrix)
        yield [
            {
                "latent": index,
                "rank": rank(values, s.tolerance),
                "bound": min(matrix.shape),
                "singular_values": values.tolist(),
            }
        ]


def figure(results: Sequence[Record]) -> Figure:
    """Return the singular values at each latent, over the largest."""
    lines = []
    for one in results:
        values = np.array(one["singular_values"])
        shares = np.maximum(values / max(values[0], 1e-300), 1e-18)
        lines.append(Line(x=np.arange(1, len(values) + 1), y=shares, width=0.8, style=Style(COLOURS[0])))
    x = Axis("singular value of the generator's Jacobian")
    return Figure([Panel(lines, x, Axis("over the largest", "log"))], width=6, height=3.6)
