"""The several programs that a population may have: which ones are tried, and how many can be compiled."""

from functools import partial

import pytest
import torch

from steadygan.config.building import build
from steadygan.population import Plan, train
from steadygan.population.compiling import compiled
from steadygan.population.loop import kinds
from tiny import tiny

LAZY = ["regularizer=[r1,gradient_penalty]", "regularizer.r1.every=2", "regularizer.gradient_penalty.every=3"]
GROWS = ["dataset=digits", "network=progressive", "scheme=progressive", "scheme.images=16", "scheme.fading=8"]


@pytest.mark.parametrize(
    ("given", "start", "end", "expected"),
    [
        (["regularizer=[r1]"], 3, 9, [3]),
        (LAZY, 0, 9, [0, 1, 2, 3]),
        (LAZY, 4, 30, [4, 5, 6, 9]),
        (LAZY, 0, 2, [0, 1]),
        ([*LAZY, "game=ratio", "game.critic_every=2"], 0, 30, [0, 2, 4, 6]),
        (["regularizer=[]", *GROWS], 0, 30, [0, 4]),
        (["regularizer=[]", *GROWS], 5, 30, [5]),
        (["regularizer=[]", *GROWS], 0, 4, [0]),
        (["regularizer=[r1]", "regularizer.r1.every=2", *GROWS], 0, 30, [0, 1, 4, 5]),
    ],
)
def test_an_iteration_of_each_kind_there_will_be(plain, given, start, end, expected):
    """Penalties by their periods (2 and 3: both, neither, one, the other); stages at 0 and 16 images of 4 each."""
    assert kinds(build(plain(*tiny("batch_size=4", *given))), start, end) == expected


class Closures:
    """Programs as a population has them: one function's code, other values in it."""

    def __init__(self, values):
        self.values = values

    def wrapped(self, wrap):
        def make(value):
            def run(x):
                return x + value

            return run

        return [wrap(make(value)) for value in self.values]


@pytest.mark.parametrize(("populations", "programs"), [(12, 1), (1, 20), (3, 9)])
def test_there_is_no_end_of_what_compiles(monkeypatch, populations, programs):
    """Dynamo by itself gives up at the ninth; no compiler is needed to see that."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    for first in range(0, populations * programs, programs):
        values = range(first, first + programs)
        made = compiled(Closures(values))
        assert [float(each(torch.tensor(0.5))) for each in made] == [value + 0.5 for value in values]


def test_a_later_program_that_cannot_be_compiled_is_found_at_once(plan, monkeypatch):
    """It is that of the iterations without a penalty, and the runs go on without compiling."""
    made = []

    def brittle(program, **_):
        made.append(program)
        if len(made) > 1:
            raise RuntimeError("one was enough")
        return program

    monkeypatch.setattr(torch, "compile", brittle)
    job, reported, decided = plan("batch_size=4", "regularizer=[r1]", "regularizer.r1.every=2"), [], []
    statuses = train([(build(job.config), job)], reported.append, Plan(True, lambda *what: decided.append(what)))
    assert set(statuses.values()) == {"completed"}
    assert decided == [(False, 1)]
    texts = [event["text"] for event in reported if event["kind"] == "message"]
    assert texts[1:] == ["cannot be compiled, goes on without (RuntimeError: one was enough)"]
