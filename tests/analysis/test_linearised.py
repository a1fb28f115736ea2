"""The game as a function of a vector: its field and one of its iterations, against autograd and torch.optim by hand."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from small_gans import dirac, small
from steadygan.analysis.linearised import Field, Iteration, jacobian, scene
from steadygan.analysis.studies.dirac.settings import Settings
from steadygan.config.node import PLAYERS
from steadygan.theory.dirac import closed_form
from steadygan.theory.spectrum import KINDS, dense, matrix, outermost


def seen(gan, size=32, index=0):
    return scene(gan.components, gan.state, gan.iteration, gan.seed, size, index)


def written(function, x):
    return torch.func.jacrev(function)(x).detach().numpy()


ALGORITHMS = {
    "r1": ["regularizer=[r1]"],
    "noise": ["noise=instance", "regularizer=[r2]", "loss=lsgan"],
    "wgan_gp": ["method=wgan_gp"],
    "consensus": ["method=consensus"],
    "ensemble": ["discriminator.ensemble=2"],
    "conditional": ["labels=conditional"],
    "spectral": ["network.spectral_norm=true", "loss=hinge"],
}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_matrix_free_is_the_dense_jacobian(name):
    field = Field(seen(small(*ALGORITHMS[name])))
    full = written(field, field.x)
    operator = field.operator()
    random = np.random.default_rng(0)
    for _ in range(2):
        v = random.standard_normal(operator.size)
        np.testing.assert_allclose(operator.push(v), full @ v, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(operator.pull(v), full.T @ v, rtol=1e-9, atol=1e-11)
        _, pushed = torch.func.jvp(field, (field.x,), (torch.as_tensor(v),))
        np.testing.assert_allclose(operator.push(v), pushed.numpy(), rtol=1e-8, atol=1e-10)
    values = np.linalg.eigvals(full)
    for which, size in KINDS.items():
        found = outermost(operator, which, 3)
        sizes = np.abs(size(values)) if which == "LI" else size(values)
        wanted = values[np.argsort(-sizes)[:3]]
        if which == "LI":  # where all is nearly real, what little turns is inside of the spectrum, out of reach
            wanted = [value for value in wanted if abs(value.imag) > 0.01 * np.abs(values).max()]
            assert len(wanted) or name == "wgan_gp"
        for value in wanted:
            assert np.abs(found.values - value).min() < 1e-6
        assert found.residuals.max() < 1e-6


def nets(gan):
    """Both networks as torch modules that hold the state, float64."""
    made = {player: gan.components.networks[player].double() for player in PLAYERS}
    for player, network in made.items():
        network.zero_grad()
        network.load_state_dict({**gan.state.of(player).params, **gan.state.of(player).buffers})
    return made["generator"], made["discriminator"]


def flat(network, grads=False):
    return torch.cat([(p.grad if grads else p.detach()).reshape(-1) for p in network.parameters()])


def set_flat(network, vector):
    torch.nn.utils.vector_to_parameters(vector, network.parameters())


def test_the_field_is_what_autograd_says():
    """Non-saturating with R1 on noisy inputs, written by hand."""
    gan = small("regularizer=[r1]", "noise=instance", "regularizer.r1.gamma=0.7")
    here = seen(gan)
    generator, discriminator = nets(gan)
    sigma = here.algorithm.objective.perturb.keywords["sigma"]
    own, other = here.batches["discriminator"][0], here.batches["generator"][0]
    real = own.real.clone().requires_grad_()
    fake = generator(own.latent).detach()
    logits = discriminator(real + sigma * own.noise_real[0])
    slope = torch.autograd.grad(logits.sum(), real, create_graph=True)[0]
    loss = cross_entropy(logits, torch.ones_like(logits)) + 0.35 * slope.square().sum(1).mean()
    judged = discriminator(fake + sigma * own.noise_fake[0])
    (loss + cross_entropy(judged, torch.zeros_like(judged))).backward()
    by_critic = -flat(discriminator, grads=True)
    judged = discriminator(generator(other.latent) + sigma * other.noise_fake[0])
    cross_entropy(judged, torch.ones_like(judged)).backward()
    by_generator = -flat(generator, grads=True)
    field = Field(here)
    np.testing.assert_allclose(field(field.x), torch.cat([by_generator, by_critic]), rtol=1e-9, atol=1e-12)


def adam_iteration(gan, here, x):
    """One alternating iteration by ``torch.optim.Adam``: parameters and both moments of both players, flat."""
    generator, discriminator = nets(gan)
    pieces = iter(x.split([len(flat(network)) for network in (generator, discriminator) for _ in range(3)]))
    optimizers = {}
    for player, network in zip(PLAYERS, (generator, discriminator)):
        own = [next(pieces) for _ in range(3)]
        set_flat(network, own[0].clone())
        rule = here.algorithm.rules[player]
        optimizers[player] = torch.optim.Adam(network.parameters(), rule.lr, (rule.beta1, rule.beta2), rule.eps)
        place = 0
        for p in network.parameters():
            moments = [part[place : place + p.numel()].view_as(p).clone() for part in own[1:]]
            step = torch.tensor(float(gan.iteration))
            optimizers[player].state[p] = {"step": step, "exp_avg": moments[0], "exp_avg_sq": moments[1]}
            place += p.numel()
    own, other = here.batches["discriminator"][0], here.batches["generator"][0]
    judged = [discriminator(own.real), discriminator(generator(own.latent).detach())]
    losses = [cross_entropy(logits, torch.full_like(logits, side)) for logits, side in zip(judged, (1.0, 0.0))]
    sum(losses).backward()
    optimizers["discriminator"].step()
    generator.zero_grad()
    judged = discriminator(generator(other.latent))
    cross_entropy(judged, torch.ones_like(judged)).backward()
    optimizers["generator"].step()
    components = []
    for player, network in zip(PLAYERS, (generator, discriminator)):
        components.append(flat(network))
        for key in ("exp_avg", "exp_avg_sq"):
            components.append(torch.cat([optimizers[player].state[p][key].reshape(-1) for p in network.parameters()]))
    return torch.cat(components)


def test_adams_map_is_that_of_torch_optim():
    """Its Jacobian against central differences of ``torch.optim.Adam``, and the radius of both."""
    gan = small("network.width=3", "network.depth=2", iterations=30)
    here = seen(gan)
    iteration = Iteration(here)
    state = {p: [here.state.of(p).params, *(here.state.of(p).rule[k] for k in ("mean", "square"))] for p in PLAYERS}
    x = torch.cat([value.reshape(-1) for p in PLAYERS for part in state[p] for value in part.values()])
    # the same numbers in the map's own order
    torch.testing.assert_close(iteration.x.sort()[0], x.sort()[0])
    order = torch.tensor([int((iteration.x == value).nonzero()[0]) for value in x])
    assert len(set(order.tolist())) == len(x)
    moved = iteration(iteration.x)[order]
    torch.testing.assert_close(adam_iteration(gan, here, x), moved, rtol=1e-10, atol=1e-13)
    unit = x.abs().clamp(min=1e-30)
    columns = []
    for place in range(len(x)):  # second moments stay positive
        bump = torch.zeros_like(x)
        bump[place] = h = 1e-4 * unit[place]
        columns.append((adam_iteration(gan, here, x + bump) - adam_iteration(gan, here, x - bump)) / (2 * h))
    by_differences = torch.stack(columns, 1).numpy()
    exact = matrix(iteration.operator())[order][:, order]
    # in units of each number: what a change by a percent of one changes in percent of the other
    relative = unit.numpy() / unit.numpy()[:, None]
    np.testing.assert_allclose(by_differences * relative, exact * relative, rtol=1e-4, atol=1e-5)
    radius = np.abs(np.linalg.eigvals(by_differences * relative)).max()
    assert np.abs(dense(iteration.operator()).values).max() == pytest.approx(radius, abs=1e-6)


RULES = ["adam", "rmsprop", "sgd", "sgld", "sgnht", "sgld_cc", "ccadl", "adamw", "psgld", "sghmc"]
GAMES = ["simultaneous", "extragradient", "optimistic", "unrolled", "lookahead", "ratio", "sga"]


@pytest.mark.parametrize("word", [*(f"optimizer@optimizer.discriminator={rule}" for rule in RULES),
                                  *(f"game={game}" for game in GAMES), "discriminator.snapshots=1"])  # fmt: skip
def test_every_rule_and_game_is_a_map(word):
    """One iteration from the state is the trainer's, and its Jacobian is that of central differences."""
    more = ["discriminator.every=1"] if "snapshots" in word else []
    gan = small(word, *more, "network.width=3", "network.depth=2", "trainer.precision=64", "iterations=10")
    here = seen(gan, 16)
    iteration = Iteration(here)
    v = torch.as_tensor(np.random.default_rng(1).standard_normal(len(iteration.x)))
    v = v * iteration.x.abs().clamp(min=1e-9)  # second moments stay positive
    h = 1e-5
    difference = (iteration(iteration.x + h * v) - iteration(iteration.x - h * v)) / (2 * h)
    operator = iteration.operator()
    pushed = operator.push(v.numpy())
    np.testing.assert_allclose(pushed, difference.detach(), rtol=2e-4, atol=1e-6 * np.abs(pushed).max())
    w = np.random.default_rng(2).standard_normal(operator.size)
    assert w @ pushed == pytest.approx(operator.pull(w) @ v.numpy(), rel=1e-8)


@pytest.mark.parametrize(("objective", "loss"), [("value", "minimax"), ("generator_loss", "nonsaturating")])
def test_the_field_of_an_unrolled_game_is_its_limit(objective, loss):
    """The generator that minimises the value has the field of the zero-sum game, not that of its own loss."""
    unrolled = small("game=unrolled", "loss=nonsaturating", f"game.objective={objective}", iterations=0)
    plain = small("game=simultaneous", f"loss={loss}", iterations=0)
    fields = [Field(seen(gan)) for gan in (unrolled, plain)]
    torch.testing.assert_close(fields[0](fields[0].x), fields[1](fields[1].x), rtol=1e-12, atol=1e-14)


def test_clocks_are_held():
    gan = small()
    assert len(Iteration(seen(gan)).x) == 3 * len(Field(seen(gan)).x)  # parameters and two moments, no powers
    assert len(Iteration(seen(small("game=lookahead"))).x) == 4 * len(Field(seen(gan)).x)


def test_what_changes_from_iteration_to_iteration_is_taken_by_its_mean():
    """A lazy penalty counts once under all draws; of several discriminators the generator meets the mean."""
    plain = small("regularizer=[r1]", "regularizer.r1.gamma=5", iterations=0)
    lazy = small("regularizer=[r1]", "regularizer.r1.gamma=5", "regularizer.r1.every=4", iterations=0)
    for index in (0, 1):
        fields = [Field(seen(gan, index=index)) for gan in (plain, lazy)]
        torch.testing.assert_close(fields[1](fields[1].x), fields[0](fields[0].x), rtol=1e-12, atol=1e-14)
    given = ["discriminator.ensemble=3", "discriminator/vote="]
    fields = [Field(seen(small(given[0], given[1] + vote, iterations=0))) for vote in ("mean", "random")]
    torch.testing.assert_close(fields[1](fields[1].x), fields[0](fields[0].x), rtol=1e-12, atol=1e-14)


def test_draws_are_functions_of_the_seed():
    gan = small()
    one, again, other = seen(gan), seen(gan), seen(gan, index=1)
    assert torch.equal(one.batches["generator"][0].latent, again.batches["generator"][0].latent)
    assert not torch.equal(one.batches["generator"][0].latent, other.batches["generator"][0].latent)
    assert len(one.batches["discriminator"][0].real) == 32


SMOOTH = ["unregularised", "nonsaturating", "r1", "r2", "r1_r2", "roth", "instance_noise", "consensus", "sgld"]


@pytest.mark.parametrize("name", [*SMOOTH, "extragradient", "optimistic"])
@pytest.mark.parametrize("gamma", [-0.4, 0.5, 2.0])
def test_the_dirac_gan_has_its_closed_forms(name, gamma):
    numbers = Settings(gamma=gamma, sigma=abs(gamma))
    for update in ("simultaneous", "alternating"):
        here = dirac(name, update, numbers, 0.07)
        field, one = closed_form(name, asdict(numbers), 0.0, update, 0.07)
        meet = abs(field[0] - field[1]) < 1e-6
        found = dense(Field(here).operator()).values
        for root in field if name != "sgld" else [0.5j, -0.5j]:  # a prior is the rule's: it is in the map alone
            assert np.abs(found - root).min() < (1e-4 if meet else 1e-8)
        if one is not None:
            iteration = Iteration(replace(here))
            radius = np.abs(np.linalg.eigvals(written(iteration, iteration.x))).max()
            assert radius == pytest.approx(max(abs(root) for root in one), abs=1e-4 if meet else 1e-8)


def test_products_build_their_graphs_once():
    calls = []

    def function(x):
        calls.append(1)
        return x.sin()

    operator = jacobian(function, torch.linspace(0, 1, 5, dtype=torch.float64))
    for _ in range(3):
        operator.push(np.ones(5))
        operator.pull(np.ones(5))
    assert len(calls) == 1
