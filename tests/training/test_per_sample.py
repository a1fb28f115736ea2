"""Per-sample gradients in the step, and runs whose rule asks for them or keeps the full covariance."""

import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils._pytree import tree_leaves

from steadygan import train
from steadygan.common.errors import UserError
from steadygan.core.autodiff import AutogradBackend, FuncBackend
from steadygan.population.memory import member_bytes
from steadygan.runs import files
from steadygan.training.module import GANModule
from steadygan.training.players import AlgorithmPlayers
from steadygan.training.step import step
from tiny import silent

RUN = ["network.width=5", "iterations=12", "log_every=4", "checkpoint_every=5"]
RULE = "optimizer@optimizer.{}={}"
ASKS = [RULE.format("discriminator", "sgld_cc"), "optimizer.discriminator.estimator=per_sample"]
FULL = "optimizer.discriminator.covariance=full"


def batches_of(sampler, state, t=0):
    return sampler.sample(t, {player: state.of(player).params for player in ("generator", "discriminator")})


def alone(batch, place):
    """A batch of one example, cut by hand."""

    def cut(value):
        return None if value is None else value[place : place + 1]

    return batch._replace(
        latent=cut(batch.latent),
        real=cut(batch.real),
        noise_real=tuple(map(cut, batch.noise_real)),
        noise_fake=tuple(map(cut, batch.noise_fake)),
        penalty={name: cut(value) for name, value in batch.penalty.items()},
        label=cut(batch.label),
        target=cut(batch.target),
        target_weight=cut(batch.target_weight),
    )


def looped(components, state, batch, player):
    """``[B, P]``: each example's gradient on the tape, in a loop."""
    plain = replace(components.algorithm, rules={name: replace(rule, estimator="running") if rule.per_sample else rule
                                           for name, rule in components.algorithm.rules.items()})  # fmt: skip
    players = AlgorithmPlayers(plain, AutogradBackend(), lambda grads: grads)
    grads = [players.gradient(player, state, alone(batch, place)).grads for place in range(len(batch.latent))]
    return np.stack([np.concatenate([value.flatten().numpy() for value in each.values()]) for each in grads])


ALGORITHMS = {
    "plain": [],
    "penalties": ["regularizer=[r1,gradient_penalty]"],
    "wgan": ["loss=wasserstein", "regularizer=[gradient_penalty]", "game.n_critic=2"],
    "copies": ["noise=instance", "+noise.copies=3", "regularizer=[r2]"],
    "pairs": ["loss=relativistic", "noise=instance"],
    "spectral": ["network.spectral_norm=true"],
    "ensemble": ["discriminator.ensemble=2", "regularizer=[r1]"],
    "levels": ["noise=multi_blur"],
    "conditional": ["labels=conditional", "labels.share=0.5", "labels.metrics=null", "discriminator.ensemble=2"],
    "semi_supervised": ["labels=semi_supervised", "labels.share=0.5", "labels.weight=0.7", "labels.metrics=null"],
}


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS.keys())
@pytest.mark.parametrize("backend", [AutogradBackend(), FuncBackend()], ids=["tape", "transform"])
def test_the_estimate_is_numpys_covariance_of_looped_gradients(setup, algorithm, backend):
    """Over 6 examples, of their mean: the covariance / 6; and their mean is the gradient of the batch."""
    components, state, sampler = setup(*ASKS, *algorithm, FULL)
    for batch in batches_of(sampler, state)["discriminator"]:
        gradient = AlgorithmPlayers(components.algorithm, backend, lambda grads: grads).gradient(
            "discriminator", state, batch
        )
        samples = looped(components, state, batch, "discriminator")
        mean = np.concatenate([value.flatten().numpy() for value in gradient.grads.values()])
        np.testing.assert_allclose(samples.mean(0), mean, rtol=1e-9, atol=1e-12)
        estimate = gradient.grad_covariance["matrix"].numpy() / 5
        np.testing.assert_allclose(estimate, np.cov(samples, rowvar=False) / 6, rtol=1e-8, atol=1e-14)
        assert np.linalg.norm(estimate) > 0


def test_the_generators_too(setup):
    rule = [RULE.format("generator", "ccadl"), "optimizer.generator.estimator=per_sample"]
    components, state, sampler = setup(*rule, "loss=relativistic")
    (batch,) = batches_of(sampler, state)["generator"]
    grad_covariance = (
        AlgorithmPlayers(components.algorithm, AutogradBackend(), lambda grads: grads)
        .gradient("generator", state, batch)
        .grad_covariance
    )
    expected = looped(components, state, batch, "generator").var(0)
    np.testing.assert_allclose(
        np.concatenate([value.flatten().numpy() for value in grad_covariance.values()]), expected, rtol=1e-8, atol=1e-16
    )


def test_batch_normalisation_in_the_generator_stays_that_of_the_batch(setup):
    """The discriminator's examples are those that the generator made of the whole batch."""
    images = ["dataset=digits", "network=dcgan", "network.width=4"]
    components, state, sampler = setup(*ASKS, *images)
    (batch,) = batches_of(sampler, state)["discriminator"]
    players = AlgorithmPlayers(components.algorithm, AutogradBackend(), lambda grads: grads)
    seen = players.gradient("discriminator", state, batch)
    rule = components.algorithm.rules["discriminator"]
    captured, original = {}, type(rule).grad_covariance

    def keep(self, samples, grads):
        captured.update(samples)
        return original(self, samples, grads)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(rule), "grad_covariance", keep)
        players.gradient("discriminator", state, batch)
    for name, value in seen.grads.items():
        torch.testing.assert_close(captured[name].mean(0), value, rtol=1e-9, atol=1e-12)


def test_processes_with_half_of_the_batch_each_find_what_one_does(setup):
    """The spread is about the mean gradient of all, and averaged as gradients are."""
    components, state, sampler = setup(*ASKS, FULL, "regularizer=[r1]")
    halves = [replace(sampler, shard=part) for part in (slice(0, 3), slice(3, 6))]
    batches = [batches_of(half, state)["discriminator"][0] for half in halves]
    whole = AlgorithmPlayers(components.algorithm, AutogradBackend(), lambda grads: grads)
    expected = whole.gradient("discriminator", state, batches_of(sampler, state)["discriminator"][0])
    exchanged = {}

    def talk(place, round_):
        """An all-reduce, replayed: what the other process would send is known from the round before."""

        def average(values):
            key = (round_[0], place)
            round_[0] += 1
            exchanged[key] = values
            other = exchanged.get((key[0], 1 - place), values)
            return {name: (value + other[name]) / 2 for name, value in values.items()}

        return average

    for _ in range(3):  # the first round learns the gradients, the second the spreads
        got = [
            AlgorithmPlayers(components.algorithm, AutogradBackend(), talk(place, [0])).gradient(
                "discriminator", state, batch
            )
            for place, batch in enumerate(batches)
        ]
    for each in got:
        torch.testing.assert_close(
            each.grad_covariance["matrix"], expected.grad_covariance["matrix"], rtol=1e-10, atol=1e-14
        )


def test_a_chain_of_steps_is_that_of_the_rule(setup):
    """The step hands the rule what it asks for, once an update of the discriminator."""
    components, state, sampler = setup(*ASKS, FULL, "game.n_critic=2")
    after, logs = step(components.algorithm, AutogradBackend(), state, batches_of(sampler, state), 0)
    assert after.discriminator.rule["count"].item() == 2
    assert "previous" not in after.discriminator.rule
    kept = after.discriminator.rule["covariance"]["matrix"]
    level = (6 * kept.diagonal().mean()).sqrt()
    torch.testing.assert_close(logs["rule/discriminator/noise_level"], level)


# Whole runs.

SAMPLERS = {
    "sgld_cc-full-per_sample": [*ASKS, FULL],
    "sgld_cc-full-running": [ASKS[0], FULL],
    "ccadl-full-per_sample": [RULE.format("discriminator", "ccadl"), ASKS[1], FULL],
    "ccadl-diagonal-per_sample": [RULE.format("discriminator", "ccadl"), ASKS[1]],
}


def content(job):
    saved = torch.load(job.directory / files.CHECKPOINT, weights_only=True)
    saved.pop("seconds")
    return saved


@pytest.mark.parametrize("rule", SAMPLERS.values(), ids=SAMPLERS.keys())
@pytest.mark.parametrize("engine", ["lightning", "population"])
def test_stopped_in_the_middle_of_a_chain_it_ends_with_the_same_bits(plan, tmp_path, monkeypatch, rule, engine):
    from steadygan.population.population import Population

    algorithm = [*rule, "regularizer=[r1]", f"engine={engine}"]
    whole, resumed = plan(*algorithm, outputs=tmp_path / "a"), plan(*algorithm, outputs=tmp_path / "b")
    assert train.execute(whole, silent) == "completed"
    owner, name = (GANModule, "training_step") if engine == "lightning" else (Population, "step")
    original = getattr(owner, name)

    def interrupted(self, *args):
        original(self, *args)
        if self.iteration == 7:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, interrupted)
        assert train.execute(resumed, silent) == "preempted"
    assert train.execute(resumed, silent) == "completed"
    ours, theirs = content(whole), content(resumed)
    assert ours["iteration"] == 12
    leaves = list(zip(tree_leaves(ours), tree_leaves(theirs), strict=True))
    assert all(torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b for a, b in leaves)


@pytest.mark.parametrize("form", ["diagonal", "full"])
def test_noise_that_feeds_back_on_itself_explodes_and_ends_as_diverged(plan, form):
    """Literal control at a large step: k = scale eps a^2 T / (1 - eps a / 2) is above 1."""
    job = plan(
        *["loss=lsgan", ASKS[0], "optimizer.discriminator.step_size=0.3", f"optimizer.discriminator.covariance={form}"],
        *["batch_size=64", "iterations=500", "log_every=1", "checkpoint_every=500"],
    )
    assert train.execute(job, silent) == "diverged"
    reported = json.loads((job.directory / files.SUMMARY).read_text())
    assert reported["status"] == "diverged"
    assert 2 < reported["diverged_at"] < 500
    assert all(bool(value.isfinite().all()) for value in content(job)["state_dict"].values())
    levels = [float(row["rule/discriminator/noise_level"]) for row in files.read_rows(job.directory / files.METRICS)]
    assert levels[-1] > 100 * levels[1]


def test_batch_normalisation_is_refused(plan):
    images = ["dataset=digits", "dataset.size=16", "network=dcgan", "network.width=4"]
    plan(*ASKS, *images)
    for player, other in (
        ("discriminator", "discriminator"),
        ("generator", "generator"),
        ("generator", "discriminator"),
    ):
        rule = [RULE.format(player, "ccadl"), f"optimizer.{player}.estimator=per_sample"]
        norms = [
            f"network.{name}_norm={'batch' if name == other else 'none'}" for name in ("generator", "discriminator")
        ]
        with pytest.raises(UserError) as error:
            plan(*images, *norms, *rule)
        words = (f"optimizer.{player}.estimator=per_sample", f"network.{other}_norm", "Valid choices: running")
        assert all(word in str(error.value) for word in words)


def test_a_member_with_a_matrix_takes_more_memory(setup):
    """At least the matrix, old and new, and the gradients of the examples."""
    sizes = [
        member_bytes(setup(ASKS[0], *more)[0], 6, "64")
        for more in ([], [FULL], ["optimizer.discriminator.estimator=per_sample"])
    ]
    weights = sum(value.numel() for value in setup()[0].networks["discriminator"].parameters())
    assert sizes[1] - sizes[0] > 2 * 8 * weights**2
    assert sizes[2] - sizes[0] > 8 * 6 * weights
