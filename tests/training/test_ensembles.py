"""Several discriminators in the step, against one by one."""

import re

import pytest
import torch

from steadygan.common.errors import UserError
from steadygan.config.building import build
from steadygan.core.aggregation import Softmax
from steadygan.core.autodiff import AutogradBackend, FuncBackend
from steadygan.runs import checkpoint
from steadygan.training.module import GANModule
from steadygan.training.players import AlgorithmPlayers
from steadygan.training.step import step

SGD = ["optimizer@optimizer.discriminator=sgd", "optimizer.discriminator.lr=0.1"]
BACKENDS = pytest.mark.parametrize("backend", [AutogradBackend(), FuncBackend()], ids=["tape", "transform"])


def batches(sampler, state, t=0):
    return sampler.sample(t, {player: state.of(player).params for player in ("generator", "discriminator")})


def member(params, index):
    return {name.removeprefix("member."): value[index] for name, value in params.items()}


@BACKENDS
@pytest.mark.parametrize(
    "algorithm",
    [
        ["regularizer=[r1,r2]"],
        ["loss=relativistic", "noise=instance"],
        ["regularizer=[gradient_penalty]", "noise=blur"],
        ["regularizer=[orthogonal]", "regularizer.orthogonal.weight=0.1"],
    ],
    ids=["r1_r2", "relativistic", "penalty_blur", "orthogonal"],
)
def test_each_discriminator_moves_as_it_would_alone(setup, backend, algorithm):
    components, state, sampler = setup(*SGD, *algorithm, "discriminator.ensemble=3")
    single, alone, _ = setup(*SGD, *algorithm)
    (batch,) = batches(sampler, state)["discriminator"]
    players, own = (AlgorithmPlayers(each.algorithm, backend, lambda grads: grads) for each in (components, single))
    moved = players.move("discriminator", state, players.gradient("discriminator", state, batch), batch)
    losses = []
    for index in range(3):
        params = member(state.discriminator.params, index)
        start = alone._replace(generator=state.generator).with_params({"discriminator": params})
        gradient = own.gradient("discriminator", start, batch)
        losses.append(gradient.logs["loss/discriminator"])
        expected = own.move("discriminator", start, gradient, batch).discriminator.params
        found = member(moved.discriminator.params, index)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=1e-10, atol=1e-12)
    logged = players.gradient("discriminator", state, batch).logs["loss/discriminator"]
    torch.testing.assert_close(logged, torch.stack(losses).mean())


def test_projections_beside_snapshots_are_those_without(setup):
    algorithm = [*SGD, "regularizer=[orthogonal]", "regularizer.orthogonal.weight=0.1"]
    found = []
    for more in ([], ["discriminator.snapshots=1"]):
        components, state, sampler = setup(*algorithm, *more)
        moved, _ = step(components.algorithm, AutogradBackend(), state, batches(sampler, state), 0)
        found.append(moved.discriminator.params)
    for name, value in found[0].items():
        torch.testing.assert_close(member(found[1], 0)[name], value, rtol=1e-12, atol=1e-14)


def test_the_first_is_the_one_there_is_without(setup):
    (many, *_), (one, *_) = setup("discriminator.ensemble=2"), setup()
    stacked = dict(many.networks["discriminator"].named_parameters())
    for name, value in one.networks["discriminator"].named_parameters():
        torch.testing.assert_close(stacked[f"member.{name}"][0], value)
        assert value.ndim == 1 or not torch.equal(stacked[f"member.{name}"][1], value)


@BACKENDS
def test_the_generator_minimises_the_vote(setup, backend):
    overrides = ["discriminator.ensemble=3", "discriminator/vote=softmax", "discriminator.vote.sharpness=2"]
    components, state, sampler = setup(*overrides)
    single, alone, _ = setup()
    (batch,) = batches(sampler, state)["generator"]
    judged, own = (AlgorithmPlayers(each.algorithm, backend, lambda grads: grads) for each in (components, single))
    against = []
    for index in range(3):
        params = member(state.discriminator.params, index)
        start = alone._replace(generator=state.generator).with_params({"discriminator": params})
        against.append(own.gradient("generator", start, batch))
    losses = torch.stack([gradient.logs["loss/generator"] for gradient in against]).requires_grad_()
    value = Softmax(2.0)(losses, torch.ones(3, dtype=torch.bool), None)
    (weights,) = torch.autograd.grad(value, losses)
    found = judged.gradient("generator", state, batch)
    torch.testing.assert_close(found.logs["loss/generator"], value.detach())
    for name, grad in found.grads.items():
        expected = sum(weight * gradient.grads[name] for weight, gradient in zip(weights, against))
        torch.testing.assert_close(grad, expected, rtol=1e-9, atol=1e-12)


@BACKENDS
def test_snapshots_are_judges_too(setup, backend):
    components, state, sampler = setup("discriminator.snapshots=2", "discriminator.every=2")
    single, alone, _ = setup()
    seen = []
    for t in range(6):
        state, _ = step(components.algorithm, backend, state, batches(sampler, state, t), t)
        if t % 2 == 1:
            seen.append(member(state.discriminator.params, 0))
    (batch,) = batches(sampler, state, 6)["generator"]
    own = AlgorithmPlayers(single.algorithm, backend, lambda grads: grads)
    grads = []
    for params in (member(state.discriminator.params, 0), *seen[-2:]):
        start = alone._replace(generator=state.generator).with_params({"discriminator": params})
        grads.append(own.gradient("generator", start, batch).grads)
    found = (
        AlgorithmPlayers(components.algorithm, backend, lambda grads: grads).gradient("generator", state, batch).grads
    )
    for name, grad in found.items():
        torch.testing.assert_close(grad, sum(each[name] for each in grads) / 3, rtol=1e-9, atol=1e-12)


def test_before_the_first_snapshot_there_is_one_judge(setup):
    (many, first, sampler), (single, alone, _) = setup("discriminator.snapshots=2"), setup()
    found, _ = step(many.algorithm, AutogradBackend(), first, batches(sampler, first), 0)
    expected, _ = step(single.algorithm, AutogradBackend(), alone, batches(sampler, alone), 0)
    for name, value in expected.generator.params.items():
        torch.testing.assert_close(found.generator.params[name], value, rtol=1e-10, atol=1e-12)


def test_resume_keeps_the_snapshots(config, tmp_path):
    given = config("discriminator.snapshots=2", "discriminator.every=2", "discriminator.ensemble=2")

    def made(iterations, start=None):
        gan = GANModule(build(given), 0, 6, torch.float64)
        gan.to_device(torch.device("cpu"))
        if start:
            checkpoint.restore(gan, checkpoint.load(start))
        for iteration in range(gan.iteration, iterations):
            gan.advance(iteration)
        return gan

    checkpoint.save(tmp_path / "half.ckpt", made(5), "0", 0.0)
    whole, resumed = made(10), made(10, tmp_path / "half.ckpt")
    assert all(torch.equal(value, resumed.state_dict()[name]) for name, value in whole.state_dict().items())
    kept, again = whole.state.snapshots, resumed.state.snapshots
    assert kept.active.all()
    assert all(torch.equal(value, again.params[name]) for name, value in kept.params.items())


def test_the_critic_is_their_mean(config):
    gan = GANModule(build(config("discriminator.ensemble=3")), 0, 6, torch.float64)
    single = build(config()).networks["discriminator"]
    x = torch.randn(4, 2, dtype=torch.float64)
    logits = []
    for index in range(3):
        values = member(gan.state.discriminator.params, index)
        logits.append(torch.func.functional_call(single, values, (x,)))
    torch.testing.assert_close(gan.critic(x), torch.stack(logits).mean(0))


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("discriminator.ensemble=0", "discriminator.ensemble=0: must be a whole number of at least 1"),
        ("discriminator.ensemble=1.5", "discriminator.ensemble=1.5"),
        ("discriminator.snapshots=-1", "discriminator.snapshots=-1"),
        ("discriminator.every=0", "discriminator.every=0"),
        ("discriminator.snapshots=51", "discriminator.snapshots=51: more snapshots than there will be"),
        ("noise.levels=0", "noise.levels=0: must be a whole number of at least 1"),
        ("noise.ratio=2", "noise.ratio=2: must be between 0 and 1"),
    ],
)
def test_bad_input(plan, override, words):
    with pytest.raises(UserError, match=re.escape(words)):
        plan("noise=multi_blur", override)
