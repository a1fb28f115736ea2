"""Evaluations and pictures of all members at once, against those of single runs."""

import numpy as np
import pytest
import torch
from PIL import Image

from steadygan.config.building import build
from steadygan.metrics.wasserstein import wasserstein_distance, wasserstein_distances
from steadygan.pictures import picture
from steadygan.population.evaluation import look
from steadygan.population.member import Member
from steadygan.population.population import EXAMPLES, Population
from steadygan.training.context import RunContext
from steadygan.training.evaluation import both

POINTS = ["metrics=[modes,wasserstein]", "metrics.modes.samples=300", "metrics.wasserstein.samples=60"]
RUN = ["batch_size=5", "trainer.precision=64"]
SEEDS = (3, 4, 3)


@pytest.fixture
def company(plan):
    """``company(*overrides)``: a population of three after two steps, the middle slot empty, and its runs."""

    def call(*overrides):
        slots = []
        for place, seed in enumerate(SEEDS):
            job = plan(f"seed={seed}", f"ema.decay=0.{place}", *overrides)
            components = build(job.config)
            slots.append((Member(components, job, torch.device("cpu")), components, job))
        filled = [slots[0], None, slots[2]]
        population = Population([slot and slot[:2] for slot in filled], 5)
        for _ in range(2):
            population.step()
        population.settle(states=True)
        return population, [RunContext(slot[1], slot[2], print, slot[0]) for slot in filled if slot]

    return call


@pytest.mark.parametrize(
    "overrides",
    [
        [*POINTS, "metrics.modes.wasserstein_samples=40"],
        ["dataset=mixture1d", *POINTS, "metrics.modes.wasserstein_samples=40"],
        ["dataset=digits", "network=dcgan", "metrics=[fid,inception_score]", "metrics.fid.samples=70"],
        [*POINTS, "metrics.modes.wasserstein_samples=40", "metrics.raw=true"],
        ["dataset=digits", "network=dcgan", "metrics=[fid,kid]", "metrics.kid.subset_size=50", "metrics.raw=true"],
    ],
    ids=["plane", "line", "images", "raw", "raw_images"],
)
def test_members_get_the_metrics_and_the_picture_of_their_single_runs(company, tmp_path, overrides):
    population, runs = company(*overrides)
    look(population, runs)
    values = [run.evaluate() for run in runs]
    for run, own in zip(runs, values):
        expected = both(run.gan, run.components)
        assert set(expected) == set(run.components.directions)
        assert own.keys() == expected.keys()
        assert own == pytest.approx(expected, rel=1e-9, abs=1e-9)
        run.draw(tmp_path / "own.png")
        picture(run.gan, run.components.dataset, tmp_path / "single.png")
        pixels, twins = (np.asarray(Image.open(tmp_path / f"{name}.png"), float) for name in ("own", "single"))
        assert pixels.shape == twins.shape
        assert np.abs(pixels - twins).mean() < 0.05
    assert values[0] != values[1], "members of one seed share latents, not weights"


def test_more_samples_than_one_pass_takes_are_the_same(company, monkeypatch):
    population, _ = company("metrics=[]")
    latents = torch.randn(3, 50, 3, dtype=torch.float64)
    whole = population.sample(latents)
    monkeypatch.setattr("steadygan.population.population.EXAMPLES", 21)
    assert EXAMPLES > 150
    torch.testing.assert_close(population.sample(latents), whole, rtol=1e-12, atol=1e-12)
    one = population.members[2]
    torch.testing.assert_close(whole[2], one.sample(latents[2]), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(population.critic(whole)[2], one.critic(whole[2]), rtol=1e-12, atol=1e-12)


def test_a_member_is_seen_the_same_whatever_the_others_are(company):
    """To the bit in single precision: the distance of one does not hang on how many others are alive."""
    population, runs = company(*POINTS, "metrics.modes.wasserstein_samples=40", "trainer.precision=32")
    look(population, runs)
    both = runs[1].evaluate()
    look(population, runs[1:])
    assert runs[1].evaluate() == both


@pytest.mark.parametrize("threads", [1, 3])
def test_distances_of_several_are_those_of_each(monkeypatch, threads):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    x, y = torch.randn(5, 30, 2), torch.randn(30, 2)
    assert wasserstein_distances(x, y) == [wasserstein_distance(own, y) for own in x]
