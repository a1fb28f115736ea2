"""Penalties that are due once in so many iterations."""

import json

import pytest
import torch

from steadygan.common.errors import UserError
from steadygan.config.building import build
from steadygan.core import autodiff
from steadygan.core.autodiff import AutogradBackend, FuncBackend
from steadygan.population.member import Member
from steadygan.population.population import Population
from steadygan.runs import files
from steadygan.sweeps.grouping import static
from steadygan.training.module import GANModule
from steadygan.training.step import step
from tiny import advance

RUN = ["iterations=6", "log_every=1000"]
ALGORITHM = ["regularizer=[r1,gradient_penalty]", "regularizer.r1.gamma=3"]


def gradient(gan, backend, iteration):
    """D's gradient at the first state, in the batches of one iteration but with the draws of the first."""
    batches = gan.sampler.sample(0, gan.state.params())
    due = gan.components.sampling.due(iteration)
    batches["discriminator"] = tuple(batch._replace(due=due) for batch in batches["discriminator"])
    state, logs = step(gan.components.algorithm, backend, gan.state, batches, 0)
    return state.last["discriminator"], logs["penalty/r1"]


@pytest.mark.parametrize("backend", [AutogradBackend(), FuncBackend()], ids=["tape", "transform"])
@pytest.mark.parametrize("algorithm", [["regularizer=[r1]"], ALGORITHM], ids=["r1", "beside_another"])
def test_the_mean_over_a_period_is_the_penalty_of_each_iteration(fresh, backend, algorithm):
    """Lazy R1's expectation is R1's, for its gradient and for its log."""
    usual, logged = gradient(fresh(*algorithm), backend, 0)
    lazy = fresh(*algorithm, "regularizer.r1.every=4")
    grads, logs = zip(*(gradient(lazy, backend, iteration) for iteration in range(4)))
    assert [float(value) for value in logs] == pytest.approx([4 * logged.item(), 0, 0, 0])
    for name, value in usual.items():
        mean = torch.stack([each[name] for each in grads]).mean(0)
        torch.testing.assert_close(mean, value, rtol=1e-11, atol=1e-13)
        assert torch.equal(grads[1][name], grads[3][name])
    assert any(not torch.allclose(grads[0][name], grads[1][name]) for name in usual)


def test_each_iteration_is_the_plain_penalty_to_the_bit(fresh):
    first, second = (advance(fresh(*ALGORITHM, *more), 6) for more in ([], ["regularizer.r1.every=1"]))
    assert all(torch.equal(value, second.state_dict()[name]) for name, value in first.state_dict().items())


def test_what_is_not_due_is_not_computed(fresh, monkeypatch):
    """Neither differentiated nor drawn."""
    gan, counted = fresh(*ALGORITHM, "regularizer.r1.every=2", "regularizer.gradient_penalty.every=3"), []
    original = autodiff.AutogradEvaluation.input_gradient
    monkeypatch.setattr(
        autodiff.AutogradEvaluation, "input_gradient", lambda own: counted.append(None) or original(own)
    )
    done = []
    for iteration in range(7):
        before = len(counted)
        gan.advance(iteration)
        done.append(len(counted) - before)
    assert done == [2, 0, 1, 1, 1, 0, 2]
    batches = [gan.sampler.sample(t, gan.state.params()) for t in range(4)]
    assert [set(batch["discriminator"][0].penalty) for batch in batches] == [
        *({"r1", "gradient_penalty"}, set(), {"r1"}, {"gradient_penalty"}),
    ]


def test_all_turns_of_an_iteration_alike(fresh):
    gan = fresh("regularizer=[r1]", "regularizer.r1.every=2", "game.n_critic=3")
    for iteration, due in ((0, {"r1": 2}), (1, {}), (2, {"r1": 2})):
        batches = gan.sampler.sample(iteration, gan.state.params())
        assert [batch.due for batch in batches["discriminator"]] == [due] * 3


@pytest.mark.parametrize(("every", "critic_every"), [(2, 2), (4, 6), (3, 2)])
def test_of_the_moves_of_d_where_it_moves_seldom(fresh, every, critic_every):
    """Over a common period each penalty counts once a move."""
    game = ["game=ratio", f"game.critic_every={critic_every}"]
    sampling = fresh("regularizer=[r1]", f"regularizer.r1.every={every}", *game).components.sampling
    moves = range(0, every * critic_every, critic_every)
    counted = [sampling.due(iteration).get("r1", 0) for iteration in moves]
    assert counted == [every, *[0] * (every - 1)]


def test_steps_of_the_weights_once_in_a_while(fresh):
    """``weight_decay`` and ``orthogonal`` go k times as far; what has no period beside them is always due."""
    given = ["regularizer=[weight_decay,orthogonal,weight_clip,r1]", "regularizer.weight_decay.every=4"]
    given += ["regularizer.orthogonal.weight=0", "regularizer.weight_decay.weight=0.01"]
    gan = fresh(*given, "regularizer.weight_clip.value=0.3", "optimizer@optimizer.discriminator=sgd")
    gan.components.algorithm.rules["discriminator"].__dict__["lr"] = 0.0
    before = gan.state.discriminator.params
    for iteration, rest in ((0, 0.96), (1, 1.0), (3, 1.0), (4, 0.96)):
        batches = gan.sampler.sample(iteration, gan.state.params())
        state, _ = step(gan.components.algorithm, AutogradBackend(), gan.state, batches, iteration)
        after = state.discriminator.params
        for name, value in before.items():
            torch.testing.assert_close(after[name], (rest * value).clamp(-0.3, 0.3), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("start", [0, 3])
def test_a_population_takes_the_steps_of_single_runs(plan, start):
    given = [*ALGORITHM, "regularizer.r1.every=2", "regularizer.gradient_penalty.every=3", "trainer.precision=64"]
    jobs = [plan(*given, f"regularizer.r1.gamma={n}") for n in range(3)]
    components = [build(job.config) for job in jobs]
    members = [Member(own, job, torch.device("cpu")) for own, job in zip(components, jobs)]
    singles = [GANModule(own, job.seed, 6, torch.float64) for own, job in zip(components, jobs)]
    for gan, member in zip(singles, members):
        gan.to_device(torch.device("cpu"))
        advance(gan, start)
        member.state, member.iteration = gan.state, gan.iteration
    population = Population(list(zip(members, components)), 6)
    for _ in range(start, 7):
        population.step()
    population.settle(states=True)
    for gan, member in zip(singles, members):
        advance(gan, 7)
        for name, value in gan.state_dict().items():
            torch.testing.assert_close(member.state_dict()[name], value, rtol=1e-10, atol=1e-10)


def test_members_share_the_period(config):
    once, twice, other = (
        static(config("regularizer=[r1]", *own))
        for own in (["regularizer.r1.gamma=2"], ["regularizer.r1.gamma=3"], ["regularizer.r1.every=2"])
    )
    assert once == twice != other


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["regularizer=[r1]", "regularizer.r1.every=0"], r"regularizer\.r1\.every=0: must be a whole number"),
        (["regularizer=[r1]", "regularizer.r1.every=1.5"], r"regularizer\.r1\.every=1\.5: must be a whole number"),
        (["regularizer=[r1]", "regularizer.r1.every=often"], r"regularizer\.r1\.every=often: must be a whole number"),
        (
            ["regularizer=[weight_clip]", "+regularizer.weight_clip.every=2"],
            r"weight_clip\.every=2: it bounds the weights",
        ),
    ],
)
def test_mistakes(plan, given, words):
    with pytest.raises(UserError, match=words):
        plan(*given)


def test_a_run_logs_the_mean_of_the_penalty(finished):
    """Over a row of whole periods it is near that of every iteration, and a run of either kind completes."""
    found = {}
    for every in (1, 4):
        given = ["regularizer=[r1]", f"regularizer.r1.every={every}"]
        given += ["iterations=40", "log_every=40", "batch_size=64", "optimizer.discriminator.lr=1e-12"]
        job = finished(*given)
        assert json.loads((job.directory / files.SUMMARY).read_text())["status"] == "completed"
        found[every] = float(files.read_rows(job.directory / files.METRICS)[-1]["penalty/r1"])
    assert found[4] == pytest.approx(found[1], rel=0.05)
