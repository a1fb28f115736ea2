"""The estimate that splits populations against what they take."""

import os
import resource

import pytest
import torch

from steadygan import train as training
from steadygan.config.building import build
from steadygan.population.member import Member
from steadygan.population.memory import member_bytes
from steadygan.population.population import Population

COMMON = ["logger=none", "metrics=[]", "iterations=10", "batch_size=256", "network.width=64"]
FULL = [
    *["optimizer@optimizer.discriminator=sgld_cc", "optimizer.discriminator.covariance=full"],
    *["network.width=24", "network.depth=3"],
]
CASES = {
    "r1": ["regularizer=[r1]"],
    "ensemble": ["discriminator.ensemble=3", "regularizer=[r1]"],
    "snapshots": ["discriminator.ensemble=2", "discriminator.snapshots=3", "discriminator.every=1"],
    "consensus": ["game=consensus", "regularizer=[r1]"],
    "unrolled": ["game=unrolled", "regularizer=[r1]"],
    "full_covariance": FULL,
    "per_sample": [*FULL, "optimizer.discriminator.estimator=per_sample"],
    "images": ["dataset=digits", "network=dcgan", "network.width=8", "batch_size=64", "discriminator.ensemble=2"],
}


@pytest.fixture
def prepared(compose, tmp_path):
    def call(*overrides):
        given = [*COMMON, f"outputs={tmp_path}", *overrides]
        job = training.plan(compose(*given), given)
        return job, build(job.config)

    return call


def estimate(job, components):
    return member_bytes(components, job.config["batch_size"], str(job.config["trainer"]["precision"]))


def growth(job, components, members):
    """Bytes by which the peak of this process grows when ``members`` train in place of one."""
    slots = [(Member(components, job, torch.device("cpu")), components) for _ in range(members)]
    peaks = []
    for count in (1, members):
        population = Population(slots[:count], job.config["batch_size"])
        for _ in range(3):
            population.step()
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
    return peaks[1] - peaks[0]


def in_a_child(function, *arguments):
    """A number, from a process whose peak is its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writing, str(function(*arguments)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        reported = pipe.read()
    os.waitpid(child, 0)
    return int(reported)


@pytest.mark.soak
@pytest.mark.parametrize("overrides", CASES.values(), ids=CASES.keys())
def test_no_member_takes_more_than_its_estimate(prepared, overrides):
    job, components = prepared(*overrides)
    assert in_a_child(growth, job, components, 12) < 11 * estimate(job, components)


@pytest.mark.parametrize("more", ["discriminator.ensemble=3", "discriminator.ensemble=4"])
def test_several_discriminators_take_as_much_more(prepared, more):
    """Their weights and layers once for each; the generator's stay what they are."""
    (job, one), (_, several) = prepared("game=simultaneous"), prepared("game=simultaneous", more)
    extra = int(more[-1]) - 1
    two = estimate(*prepared("discriminator.ensemble=2"))
    assert estimate(job, several) - estimate(job, one) == pytest.approx(extra * (two - estimate(job, one)), rel=1e-9)


def test_what_is_kept_and_foreseen_counts(prepared):
    def size(*overrides):
        return estimate(*prepared(*overrides))

    plain = size()
    past = ["discriminator.every=1", "discriminator.snapshots"]
    assert size(past[0], f"{past[1]}=4") - plain == pytest.approx(2 * (size(past[0], f"{past[1]}=2") - plain), rel=1e-9)
    assert size(past[0], f"{past[1]}=2") > plain
    assert size("game=optimistic") > plain
    assert size("game=consensus") > 2 * plain
    steps = [size("game=unrolled", f"game.steps={steps}") for steps in (0, 1, 2)]
    assert steps[0] == plain
    assert steps[2] - steps[1] == steps[1] - steps[0] > plain / 2
