"""Every option of the groups that name data, whole settings, schemes and metrics, in populations and singly.

``test_population.py`` and ``test_population_hyperparameters.py`` have the groups that make an algorithm.
"""

import pytest
import torch
from torch.utils._pytree import tree_flatten

from options import MISSING, options, overrides
from steadygan.config.building import build
from steadygan.population import NotVmappable, Plan, train
from steadygan.population.evaluation import look
from steadygan.population.member import Member
from steadygan.population.population import Population
from steadygan.runs.job import Job
from steadygan.training.context import RunContext
from steadygan.training.evaluation import both
from steadygan.training.module import GANModule

SEEDS = (5, 6)
STEPS = 2
CPU = torch.device("cpu")

PRETRAINS = "pre-training is of one run"
REFUSED = {
    **dict.fromkeys((("scheme", "pretrain"), ("experiment", "pretrained_lsgan")), PRETRAINS),
    **dict.fromkeys((("method", "pretrained_lsgan"), ("method", "pretrained_lsgan_alpha")), PRETRAINS),
    **dict.fromkeys((("scheme/distance", "l1"), ("scheme/distance", "feature")), PRETRAINS),
}
"""What trains by itself, and why; all else is in one program with others."""


@pytest.fixture
def jobs(plain, tmp_path, tiny_data):
    """``jobs(group, option)``: runs of an option that differ in nothing but the seed; only metrics have metrics."""

    def call(group, option):
        if reason := MISSING.get((group, option)):
            pytest.skip(reason)
        config = plain(
            "logger=none",
            "batch_size=4",
            "trainer.precision=64",
            *overrides(group, option, tiny_data),
            f"outputs={tmp_path}",
        )
        config["engine"]["files"] = "summary"
        if group != "metrics":
            config["metrics"] = {}
            config["labels"].pop("metrics", None)
        return [
            Job({**config, "seed": seed}, (), tmp_path / str(seed), f"of {seed}", "", "", seed, STEPS) for seed in SEEDS
        ]

    return call


def company(jobs):
    """The population of jobs after its steps, and each member's parts."""
    components = [build(job.config) for job in jobs]
    population = Population(
        [(Member(own, job, CPU), own) for own, job in zip(components, jobs)], jobs[0].config["batch_size"]
    )
    for _ in range(STEPS):
        population.step()
    assert population.settle(states=True) == []
    return population, components


def alone(job):
    """The same by the single run's step."""
    gan = GANModule(build(job.config), job.seed, job.config["batch_size"], torch.float64)
    gan.to_device(CPU)
    for iteration in range(STEPS):
        gan.advance(iteration)
    assert gan.diverged_at is None
    return gan


def state(gan):
    return tree_flatten([gan.state_dict(), *(gan.state.of(player).rule for player in ("generator", "discriminator"))])


def of(*groups):
    return [case for case in options() if case[0] in groups]


TRAINING = of("dataset", "method", "experiment", "scheme", "scheme/distance")


@pytest.mark.parametrize("case", [case for case in TRAINING if case not in REFUSED], ids="-".join)
def test_members_take_the_steps_of_their_single_runs(jobs, case):
    pair = jobs(*case)
    population, _ = company(pair)
    (first, _), (second, _) = (state(one) for one in population.members)
    assert any(not torch.equal(a, b) for a, b in zip(first, second))
    for member, job in zip(population.members, pair):
        (own, shape), (expected, other) = state(member), state(alone(job))
        assert shape == other
        for a, b in zip(own, expected):
            torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("case", REFUSED, ids="-".join)
def test_what_trains_by_itself_says_why(jobs, case):
    pair = jobs(*case)
    with pytest.raises(NotVmappable, match=REFUSED[case]):
        train([(build(job.config), job) for job in pair], print, Plan(False))
    assert not any(job.directory.exists() for job in pair)


@pytest.mark.parametrize("case", of("metrics"), ids="-".join)
def test_metrics_say_of_members_what_they_say_of_single_runs(jobs, case):
    pair = jobs(*case)
    population, components = company(pair)
    runs = [RunContext(*each) for each in zip(components, pair, [print] * 2, population.members)]
    look(population, runs)
    for run, job in zip(runs, pair):
        expected = alone(job)
        assert run.evaluate() == pytest.approx(both(expected, expected.components), rel=1e-6, abs=1e-9)
