"""Evaluations and pictures of the members, computed for all of them in one go."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from torch import Tensor

from steadygan.pictures import grid, samples
from steadygan.population.population import Population
from steadygan.training import evaluation
from steadygan.training.components import RAW
from steadygan.training.context import RunContext


def look(population: Population, runs: Sequence[RunContext]) -> None:
    """Have the members' next scores and pictures be those of the population's present state.

    All slots are computed, alive or not: float32 results change by rounding with the number of members, and a
    member's numbers may not depend on how the others fare.
    """
    gan, metrics = runs[0].gan, runs[0].components.metrics
    if gan.classes is not None or any(evaluation.needs(metric) != ("samples",) for metric in metrics.values()):
        return  # members of their own classes, or a look at their discriminators: each by itself
    places = [index for run in runs for index, member in enumerate(population.members) if member is run.gan]
    dataset = runs[0].components.dataset
    if metrics:
        count = evaluation.most(metrics)
        latents = population.by_seed(lambda one, _: evaluation.latents(one, count, evaluation.STREAM))
        values = evaluation.score_many(metrics, population.sample(latents)[places])
        if runs[0].components.raw:
            raw = evaluation.score_many(metrics, population.sample(latents, ema=False)[places])
            values = [own | {f"{RAW}{name}": value for name, value in more.items()} for own, more in zip(values, raw)]
        for run, own in zip(runs, values):
            run.evaluate = partial(dict, own)
    if any(not run.sparing for run in runs):
        fakes = population.sample(population.by_seed(samples.latents))
        if samples.of_images(dataset):
            draws = [partial(_grid, fakes[place]) for place in places]
        else:
            reals = population.by_seed(samples.real)
            at = population.by_seed(
                lambda one, data: samples.grid_points(samples.real(one, data), one.float_type).to(one.device)
            )
            logits = population.critic(at).cpu()
            draws = [partial(_plane, reals[place], fakes[place], logits[place]) for place in places]
        for run, draw in zip(runs, draws):
            run.draw = draw


def _grid(fake: Tensor, path: Path) -> None:
    grid.save(path, grid.grid(fake))


def _plane(real: Tensor, fake: Tensor, logits: Tensor, path: Path) -> None:
    samples.points(path, real, fake, lambda _: logits)
