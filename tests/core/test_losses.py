"""Losses against hand-computed values, scipy, their own algebra and autograd."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

from steadygan.common.errors import UserError
from steadygan.core.losses import (
    FGan,
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    Relativistic,
    RelativisticAverage,
    Wasserstein,
)
from steadygan.core.losses.fgan import DIVERGENCES

LOG2, LOG3 = math.log(2), math.log(3)
SOFT = {"real_label": 0.9, "fake_label": 0.2}
DRAWN = {"real_label": 0.95, "real_spread": 0.25, "fake_spread": 0.15}  # Pani, section 3

# At D(x) = log 3 (probability 3/4) and D(G(z)) = 0 (probability 1/2): by hand.
AT_LOG3_AND_0 = [
    (Minimax(), math.log(4 / 3) + LOG2, -LOG2),
    (NonSaturating(), math.log(4 / 3) + LOG2, LOG2),
    (Minimax(**SOFT), 0.9 * math.log(4 / 3) + 0.1 * math.log(4) + LOG2, -LOG2),
    (NonSaturating(**SOFT), 0.9 * math.log(4 / 3) + 0.1 * math.log(4) + LOG2, LOG2),
    (Relativistic(), math.log(4 / 3), math.log(4)),
    (Wasserstein(), -LOG3, 0.0),
    (Hinge(), 1.0, 0.0),
]
# At D(x) = 3, D(G(z)) = -0.5.
AT_3_AND_MINUS_HALF = [
    (LeastSquares(), 0.5 * 4 + 0.5 * 0.25, 0.5 * 2.25),
    (LeastSquares(alpha=0.5), 0.5 * 4 + 0.5 * 1.0, 0.5 * 2.25),
    (LeastSquares(alpha=0.5, normalised=True), 10.0, 4.5),
    (LeastSquares(real_label=0.8), 0.5 * 4.84 + 0.5 * 0.25, 0.5 * 2.25),
    (Wasserstein(), -3.5, 0.5),
    (Wasserstein(alpha=0.25), -3.375, 0.5),
    (Hinge(), 0.0 + 0.5, 0.5),
    (Relativistic(), math.log1p(math.exp(-3.5)), math.log1p(math.exp(3.5))),
    (RelativisticAverage(), 2 * math.log1p(math.exp(-3.5)), 2 * math.log1p(math.exp(3.5))),
    (FGan("kl"), math.exp(-1.5) - 3, 0.5),
    (FGan("kl", saddle=True), math.exp(-1.5) - 3, -math.exp(-1.5)),
    (FGan("reverse_kl"), -1.5 + math.exp(-3), math.exp(0.5)),
    (FGan("reverse_kl", saddle=True), -1.5 + math.exp(-3), 1.5),
    (FGan("js"), math.log1p(math.exp(-0.5)) + math.log1p(math.exp(-3)) - 2 * LOG2, math.log1p(math.exp(0.5)) - LOG2),
    (
        FGan("js", saddle=True),
        math.log1p(math.exp(-0.5)) + math.log1p(math.exp(-3)) - 2 * LOG2,
        LOG2 - math.log1p(math.exp(-0.5)),
    ),
    (FGan("pearson"), 0.0625 - 0.5 - 3, 0.5),
    (FGan("squared_hellinger"), math.exp(-0.5) - 1 - 1 + math.exp(-3), math.exp(0.5) - 1),
]
CASES = [(loss, LOG3, 0.0, d, g) for loss, d, g in AT_LOG3_AND_0]
CASES += [(loss, 3.0, -0.5, d, g) for loss, d, g in AT_3_AND_MINUS_HALF]

# Each loss with all its numbers away from their defaults.
LOSSES = [
    Minimax(**SOFT),
    NonSaturating(**SOFT),
    LeastSquares(alpha=0.3, real_label=0.9),
    LeastSquares(alpha=0.3, real_label=0.9, normalised=True),
    Wasserstein(alpha=0.3),
    Hinge(),
    Relativistic(),
    RelativisticAverage(),
    RelativisticAverage(**SOFT),
    *(FGan(name, saddle) for name in DIVERGENCES for saddle in (False, True)),
]
USES_REAL = (Relativistic, RelativisticAverage)
PLAYERS = ["discriminator", "generator"]


def logits(count=6):
    real, fake = torch.randn(2, count, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2
    return real, fake


@pytest.mark.parametrize(("loss", "real", "fake", "discriminator", "generator"), CASES)
def test_hand_computed(loss, real, fake, discriminator, generator):
    real, fake = torch.tensor([[real], [fake]], dtype=torch.float64)
    assert loss.discriminator(real, fake).tolist() == pytest.approx([discriminator], abs=1e-14)
    assert loss.generator(real, fake).tolist() == pytest.approx([generator], abs=1e-14)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
@pytest.mark.parametrize("player", PLAYERS)
def test_gradients_are_those_of_finite_differences(loss, player):
    real, fake = (x.requires_grad_() for x in logits())
    assert torch.autograd.gradcheck(getattr(loss, player), (real, fake))


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if type(loss) is not RelativisticAverage], ids=repr)
@pytest.mark.parametrize("player", PLAYERS)
def test_samples_do_not_mix(loss, player):
    real, fake = logits()
    whole = getattr(loss, player)(real, fake)
    one_by_one = torch.cat([getattr(loss, player)(real[i : i + 1], fake[i : i + 1]) for i in range(len(real))])
    torch.testing.assert_close(whole, one_by_one, rtol=0, atol=1e-15)


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if not isinstance(loss, USES_REAL)], ids=repr)
def test_the_generators_loss_needs_no_real_samples(loss):
    real, fake = logits()
    assert not loss.uses_real
    assert torch.equal(loss.generator(None, fake), loss.generator(real, fake))


def test_the_relativistic_generator_needs_real_samples():
    assert Relativistic.uses_real
    assert RelativisticAverage.uses_real


def test_relativistic_average_by_hand():
    real, fake = torch.tensor([[3.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
    found = RelativisticAverage().discriminator(real, fake)
    expected = [math.log1p(math.exp(-0.5 - r)) + math.log1p(math.exp(f - 2.0)) for r, f in ((3, -1), (1, 0))]
    assert found.tolist() == pytest.approx(expected)
    turned = RelativisticAverage().generator(real, fake)
    expected = [math.log1p(math.exp(r + 0.5)) + math.log1p(math.exp(2.0 - f)) for r, f in ((3, -1), (1, 0))]
    assert turned.tolist() == pytest.approx(expected)


SMOOTHED = [
    *(loss(**DRAWN, fake_label=0.15) for loss in (Minimax, NonSaturating, RelativisticAverage)),
    LeastSquares(**DRAWN, alpha=0.15),
]


@pytest.mark.parametrize("loss", SMOOTHED, ids=repr)
def test_drawn_targets_are_those_of_the_draws(loss):
    """Pani, section 3: real targets uniform in [0.7, 1.2], those of fakes in [0, 0.3]."""
    real, fake = logits(4)
    u = torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.5, 0.5], [0.2, 0.4]], dtype=torch.float64)
    found = loss.discriminator(real, fake, u)
    for place, (y, f) in enumerate([(0.7, 0.3), (1.2, 0.0), (0.95, 0.15), (0.8, 0.12)]):
        if isinstance(loss, LeastSquares):
            expected = 0.5 * ((real[place] - y) ** 2 + (fake[place] - f) ** 2)
        else:
            about = (fake.mean(), real.mean()) if isinstance(loss, RelativisticAverage) else (0.0, 0.0)
            s, t = torch.sigmoid(real[place] - about[0]), torch.sigmoid(fake[place] - about[1])
            expected = -(y * s.log() + (1 - y) * (1 - s).log() + f * t.log() + (1 - f) * (1 - t).log())
        assert found[place].item() == pytest.approx(expected.item(), rel=1e-12)
    still = replace(loss, real_spread=0.0, fake_spread=0.0)
    assert torch.equal(loss.generator(real, fake), still.generator(real, fake))


@pytest.mark.parametrize("loss", SMOOTHED, ids=repr)
def test_without_spread_the_draws_change_no_bit_and_with_it_the_mean_is_known(loss):
    """Cross-entropy is linear in its target; the square adds the variance of the targets, spread^2 / 3, halved."""
    real, fake = (x.float() for x in logits(4))
    source = torch.Generator().manual_seed(3)
    still = replace(loss, real_spread=0.0, fake_spread=0.0)
    hard = type(loss)()
    u = torch.rand(4, 2, generator=source)
    assert torch.equal(hard.discriminator(real, fake, u), hard.discriminator(real, fake))
    grid = ((torch.arange(1000) + 0.5) / 1000)[:, None]  # the midpoint rule is exact to 1e-7 for squares
    found = torch.func.vmap(lambda u: loss.discriminator(real.double(), fake.double(), u.expand(4, 2)))(grid.double())
    extra = 0.5 * (0.25**2 + 0.15**2) / 3 if isinstance(loss, LeastSquares) else 0.0
    expected = still.discriminator(real.double(), fake.double()) + extra
    torch.testing.assert_close(found.mean(0), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("loss", SMOOTHED, ids=repr)
def test_vmap_over_spreads_is_a_loop(loss):
    real, fake = (x.float() for x in logits(5))
    u = torch.rand(5, 2, generator=torch.Generator().manual_seed(1))

    def value(spread):
        return replace(loss, real_spread=spread, fake_spread=spread / 2).discriminator(real, fake, u)

    grid = torch.tensor([0.0, 0.1, 0.4], dtype=torch.float64)
    mapped = torch.func.vmap(value)(grid)
    assert mapped.dtype == torch.float32
    torch.testing.assert_close(mapped, torch.stack([value(number.item()) for number in grid]), rtol=0, atol=3e-6)


P, Q = norm(0.0, 1.0), norm(0.7, 1.3)
U = lambda x: P.pdf(x) / Q.pdf(x)  # noqa: E731

BEST = {
    "kl": (lambda x: 1 + P.logpdf(x) - Q.logpdf(x), lambda x: P.pdf(x) * (P.logpdf(x) - Q.logpdf(x))),
    "reverse_kl": (lambda x: P.logpdf(x) - Q.logpdf(x), lambda x: Q.pdf(x) * (Q.logpdf(x) - P.logpdf(x))),
    "js": (
        lambda x: P.logpdf(x) - Q.logpdf(x),
        lambda x: P.pdf(x) * math.log(2 * U(x) / (1 + U(x))) + Q.pdf(x) * math.log(2 / (1 + U(x))),
    ),
    "pearson": (lambda x: 2 * (U(x) - 1), lambda x: (P.pdf(x) - Q.pdf(x)) ** 2 / Q.pdf(x)),
    "squared_hellinger": (
        lambda x: 0.5 * (P.logpdf(x) - Q.logpdf(x)),
        lambda x: (P.pdf(x) ** 0.5 - Q.pdf(x) ** 0.5) ** 2,
    ),
}
"""The logit at which each bound is tight, and the divergence's integrand."""


@pytest.mark.parametrize("name", DIVERGENCES)
def test_at_the_best_logits_an_f_gan_has_the_divergence(name):
    best, integrand = BEST[name]
    loss, nothing = FGan(name), torch.zeros(1, dtype=torch.float64)
    at_zero = loss.discriminator(nothing, nothing).item()

    def value(x, shift=0.0):
        """E_P of the real side and E_Q of the fake one; both sides of the loss at 0 are counted once."""
        t = torch.tensor([best(x) + shift], dtype=torch.float64)
        on_real, on_fake = loss.discriminator(t, nothing).item(), loss.discriminator(nothing, t).item()
        return -(P.pdf(x) * on_real + Q.pdf(x) * (on_fake - at_zero))

    expected = quad(integrand, -10, 10, limit=300)[0]
    found = quad(value, -10, 10, limit=300)[0]
    assert found == pytest.approx(expected, rel=1e-6)
    for shift in (-0.2, 0.2):
        assert quad(value, -10, 10, args=(shift,), limit=300)[0] < found, "it is the largest"


def test_divergences_of_gaussians_in_closed_form():
    """Of P = N(0, 1) and Q = N(m, s^2); the Pearson one by completing the square in p^2 / q."""
    m, s = 0.7, 1.3
    share = 2 - 1 / s**2  # p^2 / q is a Gaussian of this precision, up to a factor
    expected = {
        "kl": math.log(s) + (1 + m**2) / (2 * s**2) - 0.5,
        "reverse_kl": -math.log(s) + (s**2 + m**2) / 2 - 0.5,
        "squared_hellinger": 2 - 2 * (2 * s / (1 + s**2)) ** 0.5 * math.exp(-(m**2) / (4 * (1 + s**2))),
        "pearson": s / share**0.5 * math.exp(m**2 / s**4 / (2 * share) + m**2 / (2 * s**2)) - 1,
    }
    for name, value in expected.items():
        assert quad(BEST[name][1], -12, 12)[0] == pytest.approx(value, rel=1e-9), name


FAR = 800.0
"""A logit at which softplus is linear or 0 to the bit."""

JS = [
    ("disjoint", [1.0, 0.0], [0.0, 1.0], [FAR, -FAR], 2 * LOG2),
    ("half in common", [0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [FAR, 0.0, -FAR], LOG2),
    ("three to one", [0.75, 0.25], [0.25, 0.75], [LOG3, -LOG3], 1.5 * LOG3 - 2 * LOG2),
    ("equal", [0.3, 0.7], [0.3, 0.7], [0.0, 0.0], 0.0),
]
"""Laws P and Q on a few points, ``log(p / q)``, and ``KL(P, M) + KL(Q, M)`` with ``M = (P + Q) / 2`` by hand."""


@pytest.mark.parametrize(("p", "q", "best", "expected"), [case[1:] for case in JS], ids=[case[0] for case in JS])
def test_js_in_closed_form(p, q, best, expected):
    """Twice the Jensen-Shannon divergence with halves: 2 log 2 at most, where the supports have nothing in common."""
    p, q, best = (torch.tensor(values, dtype=torch.float64) for values in (p, q, best))
    nothing, loss = torch.zeros_like(best), FGan("js")

    def bound(logits):
        on_real, on_fake = loss.discriminator(logits, nothing), loss.discriminator(nothing, logits)
        return -(p @ on_real + q @ on_fake).item()  # either is 0 of logits at 0

    assert bound(best) == pytest.approx(expected, abs=1e-12)
    for shift in (-0.2, 0.2):
        assert bound(best.clamp(-3, 3) + shift) < expected, "it is the largest"


def test_an_unknown_divergence():
    with pytest.raises(UserError, match=r"loss\.divergence=kld: no such divergence\n.*Did you mean 'kl'"):
        FGan("kld")


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
@pytest.mark.parametrize("player", PLAYERS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_vmap_over_the_numbers_is_a_loop(loss, player, dtype):
    real, fake = (x.to(dtype) for x in logits())
    names = list(type(loss).ranges) if hasattr(type(loss), "ranges") else []
    grid = torch.tensor([0.0, 0.2, 0.7], dtype=torch.float64)
    scale = torch.tensor([1.0, -1.0, 2.0], dtype=dtype)

    def value(number, factor):
        changed = replace(loss, **dict.fromkeys(names, number))
        return getattr(changed, player)(factor * real, fake)

    looped = torch.stack([value(number.item(), factor) for number, factor in zip(grid, scale)])
    mapped = torch.func.vmap(value)(grid, scale)
    assert mapped.dtype == dtype
    torch.testing.assert_close(mapped, looped, rtol=0, atol=1e-14 if dtype == torch.float64 else 3e-6)


@given(st.floats(-30, 30), st.floats(-30, 30), st.floats(0, 1), st.floats(0, 1))
def test_cross_entropy_losses_are_those_of_probabilities(real, fake, real_label, fake_label):
    """By scipy's sigmoid; log(1 - s(t)) = log s(-t)."""
    expected = -sum(
        label * math.log(expit(logit)) + (1 - label) * math.log(expit(-logit))
        for label, logit in [(real_label, real), (fake_label, fake)]
    )
    real, fake = torch.tensor([[real], [fake]], dtype=torch.float64)
    for loss in (Minimax, NonSaturating):
        got = loss(real_label, fake_label).discriminator(real, fake).item()
        assert got == pytest.approx(expected, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("logit", [-1e4, -60.0, 60.0, 1e4])
def test_large_logits_stay_finite_and_keep_the_small_side(logit):
    t = torch.tensor([logit], requires_grad=True)
    for loss in (Minimax(**SOFT), NonSaturating(**SOFT), Relativistic()):
        total = loss.discriminator(t, -t) + loss.generator(-t, t)
        (slope,) = torch.autograd.grad(total.sum(), t)
        assert total.isfinite().all()
        assert slope.isfinite().all()
    small = NonSaturating().generator(None, torch.tensor([60.0])).item()
    assert small == pytest.approx(math.exp(-60), rel=1e-5)


def test_where_the_discriminator_is_sure_minimax_has_no_gradient_and_nonsaturating_has():
    """Arjovsky & Bottou 2017, theorem 2.4: the slopes at logit t are -s(t) and -s(-t)."""
    fake = torch.tensor([-20.0], dtype=torch.float64, requires_grad=True)
    slopes = [torch.autograd.grad(loss.generator(None, fake).sum(), fake)[0].item() for loss in CROSS_ENTROPY]
    assert slopes == pytest.approx([-expit(-20.0), -expit(20.0)], rel=1e-7)


CROSS_ENTROPY = (Minimax(), NonSaturating())


@given(st.floats(0, 0.95), st.floats(-5, 5), st.floats(-5, 5))
def test_alpha_is_a_change_of_the_discriminators_units(alpha, real, fake):
    """Pani, eq. 10: D = alpha + (1 - alpha) D' gives (1 - alpha)^2 times the base game; normalised, the base game."""
    real, fake = torch.tensor([[real], [fake]], dtype=torch.float64)
    moved = [alpha + (1 - alpha) * x for x in (real, fake)]
    base, raw = LeastSquares(), LeastSquares(alpha=alpha)
    for player in PLAYERS:
        expected = getattr(base, player)(real, fake)
        torch.testing.assert_close(getattr(raw, player)(*moved), (1 - alpha) ** 2 * expected, rtol=1e-10, atol=1e-12)
        normalised = getattr(LeastSquares(alpha=alpha, normalised=True), player)(*moved)
        torch.testing.assert_close(normalised, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("normalised", [False, True])
def test_least_squares_logs_raw_and_normalised_losses(normalised):
    real, fake = torch.tensor([[3.0], [-0.5]], dtype=torch.float64)
    loss = LeastSquares(alpha=0.5, normalised=normalised)
    logs = loss.logs(loss.discriminator(real, fake), loss.generator(real, fake))
    assert {key: value.item() for key, value in logs.items()} == pytest.approx(
        {"raw_discriminator": 2.5, "normalised_discriminator": 10, "raw_generator": 1.125, "normalised_generator": 4.5}
    )


def test_the_relativistic_game_is_that_of_f():
    """R3GAN's f(t) = -log(1 + exp(-t)): D minimises -f(real - fake), G minimises -f(fake - real)."""
    real, fake = logits()

    def f(t):
        return -torch.log1p(torch.exp(-t))

    torch.testing.assert_close(Relativistic().discriminator(real, fake), -f(real - fake), rtol=1e-13, atol=0)
    torch.testing.assert_close(Relativistic().generator(real, fake), -f(fake - real), rtol=1e-13, atol=0)


def test_ranges():
    assert 1.0 not in LeastSquares.ranges["alpha"]
    assert 1.0 not in Wasserstein.ranges["alpha"]
    assert 1.2 in LeastSquares.ranges["real_label"]
    assert 1.2 not in Minimax.ranges["real_label"]
    assert -0.1 not in NonSaturating.ranges["fake_label"]
