"""The step against loops written by hand with torch.optim on the same draws, and against itself under vmap."""

import operator

import pytest
import torch
import torch.nn.functional as F
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from steadygan.config.building import build
from steadygan.config.node import PLAYERS
from steadygan.core.autodiff import AutogradBackend, FuncBackend
from steadygan.training.algorithm import initial_state
from steadygan.training.batches import BatchSampler
from steadygan.training.functional import functional, tensors
from steadygan.training.step import step

RUN = ["network.width=8"]
DIGITS = ["dataset=digits", "network=dcgan", "network.width=4"]


def sample(sampler, t, state):
    return sampler.sample(t, state.params())


def train(components, state, sampler, iterations, backend=None):
    logs = {}
    for t in range(iterations):
        state, logs = step(components.algorithm, backend or AutogradBackend(), state, sample(sampler, t, state), t)
    return state, logs


def close(a, b, tolerance=1e-10):
    tree_map(lambda x, y: torch.testing.assert_close(x, y, rtol=tolerance, atol=tolerance), a, b)


def by_hand(components, sampler, state, iterations, n_critic, alternating=True):
    """Non-saturating + R1 (gamma 3), Adam for G, RMSprop for D, EMA: torch modules, torch.optim, autograd."""
    generator, discriminator = components.networks["generator"], components.networks["discriminator"]
    average = {name: value.clone() for name, value in generator.state_dict().items()}
    g_step = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.999))
    d_step = torch.optim.RMSprop(discriminator.parameters(), lr=2e-3)

    def generator_gradient(batch):
        loss = F.softplus(-discriminator(generator(batch.latent))).mean()
        return torch.autograd.grad(loss, list(generator.parameters()))

    for t in range(iterations):
        batches = sample(sampler, t, state)
        early = generator_gradient(batches["generator"][0])
        for batch in batches["discriminator"]:
            real = batch.real.clone().requires_grad_()
            logits = discriminator(real)
            gradient = torch.autograd.grad(logits.sum(), real, create_graph=True)[0]
            loss = F.softplus(-logits).mean() + F.softplus(discriminator(generator(batch.latent).detach())).mean()
            loss = loss + 1.5 * gradient.square().flatten(1).sum(1).mean()
            d_step.zero_grad()
            loss.backward()
            d_step.step()
        grads = generator_gradient(batches["generator"][0]) if alternating else early
        for param, grad in zip(generator.parameters(), grads):
            param.grad = grad
        g_step.step()
        beta = min(0.9, (t + 1) / (10 + t + 1))
        for name, value in generator.state_dict().items():
            average[name] = beta * average[name] + (1 - beta) * value
    return generator, discriminator, average


@pytest.mark.parametrize("n_critic", [1, 3])
def test_alternating_against_a_loop_by_hand(setup, n_critic):
    components, state, sampler = setup(
        "regularizer=[r1]",
        "regularizer.r1.gamma=3",
        "optimizer@optimizer.discriminator=rmsprop",
        "optimizer.discriminator.lr=2e-3",
        "optimizer.generator.lr=1e-3",
        "optimizer.generator.beta1=0.5",
        "optimizer.generator.beta2=0.999",
        "ema.decay=0.9",
        f"game.n_critic={n_critic}",
    )
    new, _ = train(components, state, sampler, 12)
    generator, discriminator, average = by_hand(components, sampler, state, 12, n_critic)
    close(new.generator.params, {n: p.detach() for n, p in generator.named_parameters()})
    close(new.discriminator.params, {n: p.detach() for n, p in discriminator.named_parameters()})
    close(new.ema, average)


def test_simultaneous_against_a_loop_by_hand(setup):
    components, state, sampler = setup(
        "regularizer=[r1]",
        "regularizer.r1.gamma=3",
        "game=simultaneous",
        "optimizer@optimizer.discriminator=rmsprop",
        "optimizer.discriminator.lr=2e-3",
        "ema.decay=0.9",
    )
    new, _ = train(components, state, sampler, 12)
    generator, discriminator, _ = by_hand(components, sampler, state, 12, 1, alternating=False)
    close(new.generator.params, {n: p.detach() for n, p in generator.named_parameters()})
    close(new.discriminator.params, {n: p.detach() for n, p in discriminator.named_parameters()})


ALGORITHMS = {
    "plain": [],
    "wgan": ["loss=wasserstein", "regularizer=[weight_clip]", "optimizer@optimizer.discriminator=rmsprop"],
    "wgan_gp": ["loss=wasserstein", "regularizer=[gradient_penalty]", "game.n_critic=2"],
    "relativistic": ["loss=relativistic", "regularizer=[r1,r2]", "noise=instance"],
    "hinge_blur": ["loss=hinge", "noise=blur", "regularizer=[r2]"],
    "sgld": ["optimizer@optimizer.discriminator=sgld", "loss=lsgan", "+schedule@loss.alpha=linear"],
    "lecam": ["regularizer=[lecam]", "game=extragradient", "loss.real_spread=0.2"],
    "sgld_cc": ["optimizer@optimizer.discriminator=sgld_cc", "loss=lsgan"],
    "ccadl": ["optimizer@optimizer.discriminator=ccadl"],
    "consensus": ["game=consensus", "regularizer=[r1]", "optimizer@optimizer.generator=sgd"],
    "unrolled": ["game=unrolled", "game.steps=2", "regularizer=[dragan]", "game.n_critic=2", "loss.real_spread=0.2"],
    "extragradient": ["game=extragradient", "regularizer=[roth]"],
    "optimistic": ["game=optimistic", "game.update=alternating", "regularizer=[weight_clip]"],
    "conv": [*DIGITS, "regularizer=[r1]", "noise=blur"],
    "conv_normed": [*DIGITS, "network.generator_norm=group", "network.spectral_norm=true", "regularizer=[r1]"],
}


@pytest.mark.parametrize("overrides", ALGORITHMS.values(), ids=ALGORITHMS.keys())
def test_tape_and_transform_take_the_same_steps(setup, overrides):
    components, state, sampler = setup(*overrides)
    autograd, autograd_logs = train(components, state, sampler, 3, AutogradBackend())
    func, func_logs = train(components, state, sampler, 3, FuncBackend())
    close(autograd, func)
    close(dict(autograd_logs), dict(func_logs))
    still = {
        (player, name)
        for player in PLAYERS
        for name, value in state.of(player).params.items()
        if torch.equal(value, autograd.of(player).params[name])
    }
    # Where only differences of logits count, the last bias of the critic has no gradient.
    assert all(player == "discriminator" and name.endswith("bias") for player, name in still)
    assert len(still) <= 1


@pytest.mark.parametrize("overrides", ALGORITHMS.values(), ids=ALGORITHMS.keys())
def test_vmap_equals_loop(setup, overrides):
    """Two members with other weights, draws and learning rates, in one program."""
    members = [setup(*overrides, f"seed={seed}") for seed in (0, 1)]
    algorithm = members[0][0].algorithm
    scales = torch.tensor([1.0, 3.0], dtype=torch.float64)
    own = {"optimizer.generator": {"lr": 1e-3 * scales}, "ema": {"decay": 0.9 / scales}}

    leaves, shapes = zip(*(tree_flatten((state, sample(sampler, 1, state))) for _, state, sampler in members))

    def one(tensors, hyperparameters):
        given = iter(tensors)
        filled = [None if leaf is None else next(given) for leaf in leaves[0]]  # what is not drawn is no tensor
        state, batches = tree_unflatten(filled, shapes[0])
        return step(algorithm.with_hyperparameters(hyperparameters), FuncBackend(), state, batches, 1)

    present = [[leaf for leaf in each if leaf is not None] for each in leaves]
    together = torch.func.vmap(one)([torch.stack(each) for each in zip(*present)], own)
    for index in range(2):
        alone = one(present[index], tree_map(operator.itemgetter(index), own))
        close(tree_map(operator.itemgetter(index), together), alone, 1e-9)


def test_a_step_leaves_its_state_alone(setup):
    components, state, sampler = setup(*ALGORITHMS["conv_normed"])
    before = tree_map(torch.clone, state)
    train(components, state, sampler, 2)
    tree_map(lambda a, b: torch.testing.assert_close(a, b, rtol=0, atol=0), before, state)


def test_schedules_are_evaluated_at_the_iteration(config, setup):
    components, state, sampler = setup("loss=lsgan", "+schedule@loss.alpha=linear", "iterations=10")
    batches = sample(sampler, 0, state)
    for t, alpha in [(0, 0.0), (5, 0.5)]:
        _, logs = step(components.algorithm, AutogradBackend(), state, batches, t)
        constant = build(config("loss=lsgan", f"loss.alpha={alpha}")).algorithm
        _, expected = step(constant, AutogradBackend(), state, batches, t)
        close(logs["loss/discriminator"], expected["loss/discriminator"])


def test_weights_are_clipped_after_every_update(setup):
    components, state, sampler = setup(*ALGORITHMS["wgan"], "regularizer.weight_clip.value=0.05")
    new, _ = train(components, state, sampler, 1)
    assert max(float(value.abs().max()) for value in new.discriminator.params.values()) <= 0.05
    assert max(float(value.abs().max()) for value in new.generator.params.values()) > 0.05


def test_gradient_norms_are_those_of_the_gradients(setup):
    components, state, sampler = setup("game=simultaneous", "optimizer@optimizer.generator=sgd")
    new, logs = step(components.algorithm, AutogradBackend(), state, sample(sampler, 0, state), 0)
    lr = components.algorithm.rules["generator"].lr
    moved = [(a - b) / lr for a, b in zip(*(s.generator.params.values() for s in (state, new)))]
    norm = torch.cat([value.flatten() for value in moved]).norm()
    torch.testing.assert_close(logs["grad_norm/generator"], norm, rtol=1e-8, atol=0)


def test_what_a_rule_says_of_its_state_is_logged(setup):
    components, state, sampler = setup("optimizer@optimizer.discriminator=sgnht")
    new, logs = train(components, state, sampler, 3)
    said = components.algorithm.rules["discriminator"].logs(new.discriminator.rule)
    assert said
    close(
        {f"rule/discriminator/{key}": value for key, value in said.items()},
        {key: logs[key] for key in logs if "rule/" in key},
        0,
    )


def test_bf16_penalties_stay_in_full_precision(config):
    """The penalty of the bf16 run equals that of the float32 run; its loss does not quite."""
    logs = {}
    for precision in ("32", "bf16"):
        components = build(config("regularizer=[r1]", f"trainer.precision={precision}"))
        state = initial_state(components.algorithm, {name: tensors(net) for name, net in components.networks.items()})
        latent = components.networks["generator"].latent
        sampler = BatchSampler(
            components.dataset, components.sampling, latent, 0, 6, torch.device("cpu"), torch.float32
        )
        state, logs[precision] = step(components.algorithm, AutogradBackend(), state, sample(sampler, 0, state), 0)
        assert {value.dtype for value in state.discriminator.params.values()} == {torch.float32}
    torch.testing.assert_close(logs["32"]["penalty/r1"], logs["bf16"]["penalty/r1"], rtol=1e-6, atol=0)
    difference = (logs["32"]["loss/discriminator"] - logs["bf16"]["loss/discriminator"]).abs()
    assert 0 < float(difference) < 0.02


def test_functional_is_functional_call(config):
    module = build(config(*DIGITS)).networks["generator"]
    params, buffers = tensors(module)
    other = {name: value + 0.1 for name, value in params.items()}
    z = torch.randn(3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    output, new_buffers = functional(module)(other, buffers, z)
    both = {**other, **buffers}
    torch.testing.assert_close(output, torch.func.functional_call(module, both, z), rtol=0, atol=0)
    assert new_buffers
    close(new_buffers, {name: both[name] for name in new_buffers}, 0)
    close(before, dict(module.state_dict()), 0)
