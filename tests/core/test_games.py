"""Games against updates written with explicit Jacobians, and on the bilinear game, whose rates are known."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.autograd.functional import jacobian

from steadygan.common.errors import UserError
from steadygan.core.autodiff import AutogradBackend, FuncBackend
from steadygan.core.ema import Ema
from steadygan.core.games import (
    Alternating,
    Consensus,
    Extragradient,
    Lookahead,
    Optimistic,
    Ratio,
    Sga,
    Simultaneous,
    Unrolled,
)
from steadygan.core.losses import Minimax, NonSaturating, Wasserstein
from steadygan.core.noise import identity
from steadygan.core.objective import Objective
from steadygan.core.optimizers import Adam, Sgd
from steadygan.core.regularizers import r1
from steadygan.core.schedules import Linear
from steadygan.core.step_batch import StepBatch
from steadygan.core.types import Networks
from steadygan.training.algorithm import Algorithm, initial_state
from steadygan.training.step import step

BACKENDS = [AutogradBackend(), FuncBackend()]
LR = {"generator": 0.3, "discriminator": 0.2}
BATCH, DIM, UNITS = 4, 2, 3


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


Z, REAL = random(BATCH, DIM, seed=1), random(BATCH, DIM, seed=2)
TURNED = 1  # a seed whose point has a negative sign, see below
START = random(DIM + DIM * UNITS + UNITS, seed=3)
SIZES = [DIM, DIM * UNITS, UNITS]


def generator(params, buffers, z):
    return params["shift"] + 0.5 * z, buffers


def discriminator(params, buffers, x):
    return torch.tanh(x @ params["w"]) @ params["v"], buffers


def penalty(critic, real, fake, eps):
    return r1(critic, real, fake, gamma=0.7)


def algorithm(game, rule=Sgd):
    objective = Objective(NonSaturating(), {"r1": penalty}, identity)
    return Algorithm(
        Networks(generator, discriminator),
        objective,
        {player: rule(lr=lr) for player, lr in LR.items()},
        {},
        game,
        Ema(0.0),
    )


def unpack(x):
    shift, w, v = x.split(SIZES)
    return {"shift": shift}, {"w": w.reshape(DIM, UNITS), "v": v}


def batch(real=REAL):
    return StepBatch(Z, real)


def play(game, x=START, iterations=1, backend=BACKENDS[0], critic_batches=None, rule=Sgd):
    """The parameters of both after some iterations, as one vector."""
    own = algorithm(game, rule)
    state = initial_state(own, dict(zip(LR, ((params, {}) for params in unpack(x)))))
    batches = {
        "discriminator": (batch(),) * (critic_batches or getattr(game, "critic_batches", game.n_critic)),
        "generator": (batch(REAL if getattr(game, "uses_real", False) else None),),
    }
    for t in range(iterations):
        state, logs = step(own, backend, state, batches, t)
        assert {"loss/discriminator", "loss/generator", "grad_norm/generator"} <= set(logs)
    parts = [state.generator.params["shift"], *state.discriminator.params.values()]
    return torch.cat([part.flatten() for part in parts])


# --- the same game by hand: no shared code ---------------------------------------------------------------------------


def losses(x):
    (shift, w, v) = x[:2], x[2:8].reshape(2, 3), x[8:]
    fake = shift + 0.5 * Z
    logits = [torch.tanh(points @ w) @ v for points in (REAL, fake)]
    slope = ((1 - torch.tanh(REAL @ w) ** 2) * v) @ w.T
    critic = F.softplus(-logits[0]).mean() + F.softplus(logits[1]).mean() + 0.35 * slope.square().sum(1).mean()
    return F.softplus(-logits[1]).mean(), critic


def field(x):
    """Each player's gradient by its own parameters."""
    x = x if x.requires_grad else x.clone().requires_grad_()
    for_generator, for_critic = (torch.autograd.grad(loss, x, create_graph=True)[0] for loss in losses(x))
    return torch.cat([for_generator[:2], for_critic[2:]])


RATES = torch.tensor([LR["generator"]] * 2 + [LR["discriminator"]] * 9, dtype=torch.float64)
OF_CRITIC = torch.cat([torch.zeros(2), torch.ones(9)]).double()


def alternately(update):
    """``update(x)`` of the critic, then of the generator."""
    x = START + OF_CRITIC * update(START)
    return (x + (1 - OF_CRITIC) * update(x)).detach()


def consensus_move(x, gamma=0.8):
    v = field(x).detach()
    return -RATES * (v + gamma * jacobian(field, x).T @ v)


def sga_move(x, align, weight=0.8):
    v, matrix = field(x).detach(), jacobian(field, x)
    adjustment = (matrix - matrix.T).T @ v / 2
    pull = matrix.T @ v
    sign = torch.sign((v @ pull) * (adjustment @ pull) / len(x) + 0.1) if align else 1.0
    return -RATES * (v + weight * sign * adjustment)


def extra_move(x):
    return (-RATES * field((x - RATES * field(x)).detach())).detach()


def unrolled_generator_gradient(x, steps, objective):
    shift = x[:2].clone().requires_grad_()
    ahead = torch.cat([shift, x[2:]])
    for _ in range(steps):
        slope = torch.autograd.grad(losses(ahead)[1], ahead, create_graph=True)[0]
        ahead = torch.cat([shift, ahead[2:] - LR["discriminator"] * slope[2:]])
    loss = losses(ahead)[0]
    if objective == "value":  # the loss of the discriminator ahead, both of its terms, with the other sign
        points = (REAL, ahead[:2] + 0.5 * Z)
        logits = [torch.tanh(x @ ahead[2:8].reshape(2, 3)) @ ahead[8:] for x in points]
        loss = -(F.softplus(-logits[0]) + F.softplus(logits[1])).mean()
    return torch.autograd.grad(loss, shift)[0]


@pytest.mark.parametrize("backend", BACKENDS, ids=["tape", "transform"])
class TestByHand:
    def same(self, found, expected):
        assert (found - START).abs().max() > 1e-2
        torch.testing.assert_close(found, expected.detach(), rtol=1e-11, atol=1e-12)

    def test_plain_games(self, backend):
        self.same(play(Simultaneous(), backend=backend), START - RATES * field(START))
        self.same(play(Alternating(), backend=backend), alternately(lambda x: -RATES * field(x)))

    def test_consensus(self, backend):
        self.same(play(Consensus(gamma=0.8), backend=backend), START + consensus_move(START))
        found = play(Consensus(gamma=0.8, update="alternating"), backend=backend)
        self.same(found, alternately(consensus_move))

    def test_extragradient(self, backend):
        self.same(play(Extragradient(), backend=backend), START + extra_move(START))
        self.same(play(Extragradient(update="alternating"), backend=backend), alternately(extra_move))

    def test_optimistic(self, backend):
        first = -RATES * field(START)
        second = START + 2 * first
        third = second + 2 * -RATES * field(second.detach()) - first
        self.same(play(Optimistic(), backend=backend), second)
        self.same(play(Optimistic(), iterations=2, backend=backend), third)

    def test_sga(self, backend):
        self.same(play(Sga(weight=0.8, align=False), backend=backend), START + sga_move(START, align=False))
        self.same(play(Sga(weight=0.8), backend=backend), START + sga_move(START, align=True))
        found = play(Sga(weight=0.8, update="alternating"), backend=backend)
        self.same(found, alternately(lambda x: sga_move(x, align=True)))

    def test_lookahead(self, backend):
        """Three moves, half of the way back, two more."""
        there = START
        for _ in range(3):
            there = there - RATES * field(there.detach())
        there = START + 0.4 * (there - START)
        self.same(play(Lookahead(every=3, alpha=0.4, update="simultaneous"), iterations=3, backend=backend), there)
        for _ in range(2):
            there = there - RATES * field(there.detach())
        self.same(play(Lookahead(every=3, alpha=0.4, update="simultaneous"), iterations=5, backend=backend), there)

    def test_ratio(self, backend):
        """The critic moves in the first of three iterations."""
        there = START
        for iteration in range(4):
            critic = OF_CRITIC * -RATES * field(there.detach()) if iteration % 3 == 0 else 0.0
            there = there + critic
            there = (there + (1 - OF_CRITIC) * -RATES * field(there.detach())).detach()
        self.same(play(Ratio(critic_every=3), iterations=4, backend=backend), there)

    @pytest.mark.parametrize("objective", ["value", "generator_loss"])
    @pytest.mark.parametrize("steps", [0, 1, 3])
    def test_unrolled(self, backend, steps, objective):
        critic = START + OF_CRITIC * -RATES * field(START)
        for update, at in (("alternating", critic), ("simultaneous", START)):
            slope = unrolled_generator_gradient(at.detach(), steps, objective)
            expected = critic - torch.cat([LR["generator"] * slope, torch.zeros(9, dtype=torch.float64)])
            self.same(play(Unrolled(steps=steps, update=update, objective=objective), backend=backend), expected)


# --- what must hold --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("game", "plain"),
    [
        (Unrolled(steps=0, n_critic=2, objective="generator_loss"), Alternating(n_critic=2)),
        (Unrolled(steps=0, update="simultaneous", objective="generator_loss"), Simultaneous()),
        (Consensus(gamma=0.0), Simultaneous()),
        (Consensus(gamma=0.0, update="alternating", n_critic=3), Alternating(n_critic=3)),
        (Sga(weight=0.0), Simultaneous()),
        (Lookahead(alpha=1.0, every=2, n_critic=2), Alternating(n_critic=2)),
        (Lookahead(every=6), Alternating()),
        (Ratio(critic_every=1), Alternating()),
    ],
    ids=str,
)
def test_with_nothing_to_look_at_it_is_the_plain_game(game, plain):
    assert torch.equal(play(game, iterations=5), play(plain, iterations=5))


def test_turns_looked_ahead_are_not_moved_in():
    """The spare batches are only looked at: the critic moves by its own."""
    own = algorithm(Unrolled(steps=2))
    state = initial_state(own, dict(zip(LR, ((params, {}) for params in unpack(START)))))
    results = []
    for spare in (REAL, REAL + 1):
        batches = {"discriminator": (batch(), batch(spare), batch(spare)), "generator": (batch(),)}
        results.append(step(own, AutogradBackend(), state, batches, 0)[0])
    assert own.game.critic_batches == 3
    assert torch.equal(*(result.discriminator.params["w"] for result in results))
    assert not torch.equal(*(result.generator.params["shift"] for result in results))


def test_optimistic_adam_by_hand():
    """Daskalakis et al. 2018, algorithm 1: theta + 2 u_t - u_{t-1}, u_t the step of Adam on plain gradients."""
    x, before, mean, square = START.clone(), torch.zeros_like(START), torch.zeros_like(START), torch.zeros_like(START)
    for t in range(1, 4):
        grad = field(x).detach()
        mean, square = 0.9 * mean + 0.1 * grad, 0.99 * square + 0.01 * grad**2
        step_ = -RATES * (mean / (1 - 0.9**t)) / ((square / (1 - 0.99**t)).sqrt() + 1e-8)
        x, before = x + 2 * step_ - before, step_
    found = play(Optimistic(), iterations=3, rule=lambda lr: Adam(lr=lr, beta1=0.9, beta2=0.99))
    torch.testing.assert_close(found, x, rtol=1e-10, atol=1e-11)


def test_extra_adam_by_hand():
    """Gidel et al. 2019, algorithm 4, one batch: both looks enter the moments, whose clock is 2t - 1 and 2t; the other
    way forgets the first."""

    def adam(grad, mean, square, clock):
        mean, square = 0.5 * mean + 0.5 * grad, 0.9 * square + 0.1 * grad**2
        step_ = -RATES * (mean / (1 - 0.5**clock)) / ((square / (1 - 0.9**clock)).sqrt() + 1e-8)
        return step_, mean, square

    for kept, way in ((True, "carried"), (False, "restored")):
        x, mean, square = START.clone(), torch.zeros_like(START), torch.zeros_like(START)
        for t in range(1, 4):
            step_, *trial = adam(field(x).detach(), mean, square, 2 * t - 1 if kept else t)
            before = trial if kept else (mean, square)
            step_, mean, square = adam(field((x + step_).detach()).detach(), *before, 2 * t if kept else t)
            x = x + step_
        game = Extragradient(optimizer_state=way)
        found = play(game, iterations=3, rule=lambda lr: Adam(lr=lr, beta1=0.5, beta2=0.9))
        torch.testing.assert_close(found, x, rtol=1e-10, atol=1e-11)


def one_weight_each(game, loss, theta, psi, real, h, iterations=1):
    """``theta`` and ``psi`` of D(x) = psi x, G = theta after each iteration on one real point, both by the step h."""
    networks = Networks(
        lambda params, buffers, z: (params["theta"].expand(1, 1), buffers),
        lambda params, buffers, x: ((params["psi"] * x)[:, 0], buffers),
    )
    objective = Objective(loss, {}, identity)
    own = Algorithm(networks, objective, {player: Sgd(lr=h) for player in LR}, {}, game, Ema(0.0))
    theta, psi, real = (torch.full(size, value, dtype=torch.float64) for size, value in
                        (((1,), theta), ((1,), psi), ((1, 1), real)))  # fmt: skip
    state = initial_state(own, {"generator": ({"theta": theta}, {}), "discriminator": ({"psi": psi}, {})})
    critic = (StepBatch(real, real),) * getattr(game, "critic_batches", 1)
    batches = {"discriminator": critic, "generator": (StepBatch(real, real),)}
    for t in range(iterations):
        state, _ = step(own, AutogradBackend(), state, batches, t)
        yield float(state.generator.params["theta"]), float(state.discriminator.params["psi"])


@pytest.mark.parametrize("loss", [Minimax(), NonSaturating()], ids=["minimax", "nonsaturating"])
@pytest.mark.parametrize("objective", ["value", "generator_loss"])
def test_the_smallest_unrolled_gan(loss, objective):
    """theta = 1, psi = 0.3, x = 2, h = 1/2, K = 1. With s the sigmoid, V = log s(2 psi) + log s(-psi theta):
    the discriminator goes to psi' = psi + h (2 s(-2 psi) - theta s(psi theta)), whose slope in theta is
    -h (s + psi theta s (1 - s)) at psi theta; V at psi' has the slope -psi' s(psi' theta) by theta and
    2 s(-2 psi') - theta s(psi' theta) by psi'. The paper's generator follows both (-0.2356); by its fake term alone
    the second is -theta s(psi' theta)."""

    def s(t):
        return 1 / (1 + np.exp(-t))

    h, theta, psi, x = 0.5, 1.0, 0.3, 2.0
    ahead = psi + h * (x * s(-x * psi) - theta * s(psi * theta))
    turning = -h * (s(psi * theta) + psi * theta * s(psi * theta) * (1 - s(psi * theta)))
    slope = -ahead * s(ahead * theta) + (x * s(-x * ahead) - theta * s(ahead * theta)) * turning
    assert slope == pytest.approx(-0.2356, abs=5e-5)
    if objective == "generator_loss":
        grows = s(ahead * theta) if isinstance(loss, Minimax) else s(-ahead * theta)
        slope = -grows * (ahead + theta * turning)
    if objective == "generator_loss" and isinstance(loss, Minimax):
        assert slope == pytest.approx(-0.0255, abs=5e-5)
    game = Unrolled(steps=1, update="simultaneous", objective=objective)
    ((after, _),) = one_weight_each(game, loss, theta, psi, x, h)
    assert (theta - after) / h == pytest.approx(slope, rel=1e-12)


def test_far_ahead_the_value_leaves_no_gradient_through_the_discriminator():
    """Of the best discriminator the value has no slope, so only the direct one is left: -psi* s(psi* theta)."""
    from scipy.optimize import brentq

    def s(t):
        return 1 / (1 + np.exp(-t))

    best = brentq(lambda psi: 2 * s(-2 * psi) - s(psi), 0, 5, xtol=1e-14)
    game = Unrolled(steps=200, update="simultaneous")
    ((after, _),) = one_weight_each(game, NonSaturating(), 1.0, 0.3, 2.0, 0.5)
    assert (1.0 - after) / 0.5 == pytest.approx(-best * s(best), rel=1e-9)


def test_looking_ahead_through_adam_is_finite_where_a_gradient_is_zero():
    """The root of a mean square of 0 has an infinite slope."""
    start = START.clone()
    start[8:] = 0.0  # v = 0: w has no gradient
    for backend in BACKENDS:
        found = play(Unrolled(steps=2), start, backend=backend, rule=lambda lr: Adam(lr=lr, beta1=0.5, beta2=0.9))
        assert bool(torch.isfinite(found).all())


@pytest.mark.parametrize(
    "game",
    [
        Consensus(),
        Extragradient(),
        Optimistic(update="alternating"),
        Unrolled(steps=2),
        Sga(),
        Lookahead(every=2),
        Ratio(),
    ],
    ids=lambda game: type(game).__name__,
)
def test_vmap_equals_loop(game):
    starts = torch.stack([START, 0.5 * START, -START])
    gammas = torch.tensor([0.0, 0.5, 2.0], dtype=torch.float64)

    def one(x, gamma):
        own = algorithm(game).with_hyperparameters({"game": {"gamma": gamma}} if isinstance(game, Consensus) else {})
        state = initial_state(own, dict(zip(LR, ((params, {}) for params in unpack(x)))))
        batches = {"discriminator": (batch(),) * getattr(game, "critic_batches", 1), "generator": (batch(),)}
        for t in range(2):
            state, _ = step(own, FuncBackend(), state, batches, t)
        return state.generator.params["shift"], state.discriminator.params["w"]

    together = torch.func.vmap(one)(starts, gammas)
    for index in range(3):
        for found, expected in zip(together, one(starts[index], gammas[index])):
            torch.testing.assert_close(found[index], expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("game", [Consensus, Extragradient, Optimistic, Unrolled, Sga, Lookahead, Ratio])
def test_mistakes(game):
    with pytest.raises(UserError, match=r"game\.update=both"):
        game(update="both")
    with pytest.raises(UserError, match=r"game\.n_critic=2"):
        game(update="simultaneous", n_critic=2)


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (lambda: Unrolled(objective="loss"), r"game\.objective=loss"),
        (lambda: Extragradient(optimizer_state="kept"), r"game\.optimizer_state=kept"),
    ],
)
def test_mistaken_words(make, key):
    with pytest.raises(UserError, match=f"(?s){key}.*Valid choices"):
        make()


# --- the bilinear game: theta' = psi, psi' = -theta ------------------------------------------------------------------


def bilinear(game, h, iterations):
    """Distances to 0 of D(x) = psi x, G = theta, Wasserstein: its field has the eigenvalues +-i."""
    networks = Networks(
        lambda params, buffers, z: (params["theta"].expand(1, 1), buffers),
        lambda params, buffers, x: ((params["psi"] * x)[:, 0], buffers),
    )
    objective = Objective(Wasserstein(), {}, identity)
    own = Algorithm(networks, objective, {player: Sgd(lr=h) for player in LR}, {}, game, Ema(0.0))
    one = torch.ones(1, dtype=torch.float64)
    state = initial_state(own, {"generator": ({"theta": one}, {}), "discriminator": ({"psi": one}, {})})
    point = torch.zeros(1, 1, dtype=torch.float64)
    batches = {
        "discriminator": (StepBatch(point, point),) * getattr(game, "critic_batches", 1),
        "generator": (StepBatch(point, point),),
    }
    norms = []
    for t in range(iterations):
        state, _ = step(own, AutogradBackend(), state, batches, t)
        place = torch.cat([state.generator.params["theta"], state.discriminator.params["psi"]])
        norms.append(float(place.norm()))
    return norms


@pytest.mark.parametrize("h", [0.1, 0.3])
def test_rates_on_the_bilinear_game(h):
    """Descent grows by sqrt(1 + h^2); extragradient falls by sqrt(1 - h^2 + h^4); optimistic by its quadratic's root;
    unrolled with k steps (simultaneous) has damping 2 k h: mu^2 - (2 - 2 k h^2) mu + 1 - 2 k h^2 + h^2 = 0."""
    count = 60

    def rate(game):
        norms = bilinear(game, h, 2 * count)
        return (norms[-1] / norms[count - 1]) ** (1 / count)

    assert rate(Simultaneous()) == pytest.approx((1 + h**2) ** 0.5, rel=1e-9)
    assert rate(Extragradient()) == pytest.approx((1 - h**2 + h**4) ** 0.5, rel=1e-9)
    root = max(abs(np.roots([1, -(1 + 2j * h), 1j * h])))
    assert root < 1
    assert rate(Optimistic()) == pytest.approx(root, rel=1e-3)
    pull = 2 * 2 * h**2
    expected = max(abs(np.roots([1, -(2 - pull), 1 - pull + h**2])))
    assert expected < 1 < rate(Simultaneous())
    assert rate(Unrolled(steps=2, update="simultaneous")) == pytest.approx(expected, rel=2e-2)
    # J = [[0, -1], [1, 0]] is antisymmetric: A^T v = J^T v, so that v + w J^T v turns and damps by w
    assert rate(Sga(weight=0.5, align=False)) == pytest.approx(((1 - 0.5 * h) ** 2 + h**2) ** 0.5, rel=1e-9)
    assert rate(Sga(weight=0.5)) == pytest.approx(((1 - 0.5 * h) ** 2 + h**2) ** 0.5, rel=1e-9)
    # an average of 1 and (1 + ih)^6, in six iterations
    chord = abs(0.5 + 0.5 * (1 + 1j * h) ** 6) ** (1 / 6)
    assert chord < 1
    assert rate(Lookahead(every=6, update="simultaneous")) == pytest.approx(chord, rel=1e-9)


def test_the_sign_of_the_adjustment_follows_the_paper_where_it_is_negative():
    x = 5 * random(len(START), seed=TURNED)
    with_sign, without = sga_move(x, align=True), sga_move(x, align=False)
    assert not torch.allclose(with_sign, without)
    torch.testing.assert_close(play(Sga(weight=0.8), x), x + with_sign, rtol=1e-10, atol=1e-12)


def test_each_player_has_a_learning_rate_of_its_own_that_may_fall_to_nothing():
    falling = Linear(start=0.3, end=0.0, begin=1, finish=3)
    objective = Objective(NonSaturating(), {}, identity)
    rules = {"generator": Sgd(lr=falling), "discriminator": Sgd(lr=0.2)}
    own = Algorithm(Networks(generator, discriminator), objective, rules, {}, Simultaneous(), Ema(0.0))
    state = initial_state(own, dict(zip(LR, ((params, {}) for params in unpack(START)))))
    batches = {"discriminator": (batch(),), "generator": (batch(None),)}
    moves = []
    for t in range(5):
        before = {player: state.of(player).params for player in LR}
        critic = lambda x, s=state: discriminator(s.discriminator.params, {}, x)[0]  # noqa: E731
        gradient = torch.func.grad(
            lambda p, critic=critic: objective.for_generator(critic, generator(p, {}, Z)[0], batch(None), {})
        )(before["generator"])["shift"]
        state, _ = step(own, AutogradBackend(), state, batches, t)
        moves.append(((before["generator"]["shift"] - state.generator.params["shift"]) / gradient).tolist())
        assert not torch.equal(before["discriminator"]["w"], state.discriminator.params["w"])
    assert moves == [pytest.approx([rate] * 2) for rate in (0.3, 0.3, 0.15, 0.0, 0.0)]
