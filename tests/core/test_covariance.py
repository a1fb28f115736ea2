"""What is kept of the gradient's covariance and how it is estimated; functions of it; players that are too large."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import linalg, stats

from steadygan.common.errors import UserError
from steadygan.core.optimizers import Ccadl, Sgd, SgldCc, Sgnht, gradient_noise
from steadygan.core.optimizers.covariance import FORMS, LIMIT
from steadygan.core.optimizers.eigen import spectrum

SHAPES = {"weight": (2, 3), "bias": (2,), "gain": ()}
SIZE = 9


def tree(seed, *leading, dtype=torch.float64):
    source = torch.Generator().manual_seed(seed)
    return {key: torch.randn((*leading, *shape), generator=source, dtype=dtype) for key, shape in SHAPES.items()}


def flat(values, leading=0):
    return np.concatenate([value.reshape(*value.shape[:leading], -1).numpy() for value in values.values()], -1)


def assert_form(form, kept, matrix):
    """``kept`` is what ``form`` keeps of a matrix ``[P, P]``."""
    if form == "full":
        np.testing.assert_allclose(kept["matrix"].numpy(), matrix, rtol=1e-12, atol=1e-14)
    elif form == "diagonal":
        np.testing.assert_allclose(flat(kept), matrix.diagonal(), rtol=1e-12)
    else:
        assert [value.item() for value in kept.values()] == pytest.approx([matrix.trace() / SIZE] * 3, rel=1e-12)


every_form = pytest.mark.parametrize("form", FORMS)


@every_form
def test_the_running_estimate_is_the_plain_mean(form):
    """Of half the outer squares of the differences of successive gradients."""
    seen = [tree(seed) for seed in range(25)]
    state = gradient_noise.begin(seen[0], form)
    for grads in seen:
        state = gradient_noise.observe(state, grads, form)
    steps = np.diff([flat(grads) for grads in seen], axis=0)
    matrix = np.mean([np.outer(step, step) / 2 for step in steps], 0)
    assert_form(form, state["covariance"], matrix)
    assert gradient_noise.mean_variance(state, form).item() == pytest.approx(matrix.trace() / SIZE, rel=1e-12)


@every_form
def test_the_estimate_by_examples_is_the_mean_of_numpys_covariances(form):
    """Of the mean of B = 6 examples: their covariance / 6. Two processes with half of the batch each find the same."""
    rule = SgldCc(0.1, batch_size=6.0, covariance=form, estimator="per_sample")
    state, matrices = rule.init(tree(0)), []
    for seed in range(10):
        samples = tree(seed, 6)
        grads = {key: value.mean(0) for key, value in samples.items()}
        halves = [
            rule.grad_covariance({key: value[part] for key, value in samples.items()}, grads)
            for part in ([0, 1, 2], [3, 4, 5])
        ]
        grad_covariance = {key: (value + halves[1][key]) / 2 for key, value in halves[0].items()}
        assert_form(form, rule.grad_covariance(samples, grads), 5 * np.cov(flat(samples, 1), rowvar=False) / 6)
        state = rule.observe(state, grads, grad_covariance)
        matrices.append(np.cov(flat(samples, 1), rowvar=False) / 6)
    assert_form(form, state["covariance"], np.mean(matrices, 0))
    level = rule.logs(state)["noise_level"].item()
    assert level == pytest.approx(math.sqrt(6 * np.mean(matrices, 0).trace() / SIZE), rel=1e-12)


def test_by_examples_there_is_noise_from_the_first_step():
    """And none without differences between the examples, however far the gradient moves."""
    rule = SgldCc(0.1, batch_size=4.0, estimator="per_sample")
    params, grads, eta, state = tree(0), tree(1), tree(2), rule.init(tree(0))
    moved, _ = rule.update(params, grads, state, eta, grad_covariance=rule.grad_covariance(tree(3, 4), grads))
    assert not torch.equal(moved["weight"], params["weight"] - 0.1 * grads["weight"])
    for seed in range(3):
        same = tree(seed)
        still, state = rule.update(
            params, same, state, eta, grad_covariance=rule.grad_covariance({k: v[None] for k, v in same.items()}, same)
        )
        torch.testing.assert_close(still["weight"], params["weight"] - 0.1 * same["weight"], rtol=1e-14, atol=0)


@every_form
def test_functions_of_the_covariance(form):
    """As scipy's, applied to a vector."""
    kept = FORMS[form].grad_covariance(tree(0, 30), tree(1))
    vector = tree(2)
    moved = FORMS[form].function(kept, lambda c: torch.exp(-c / 3))(vector)
    matrix = FORMS["full"].grad_covariance(tree(0, 30), tree(1))["matrix"].numpy()
    diagonal = matrix.diagonal() if form == "diagonal" else np.full(SIZE, matrix.trace() / SIZE)
    expected = linalg.expm(-(matrix if form == "full" else np.diag(diagonal)) / 3) @ flat(vector)
    np.testing.assert_allclose(flat(moved), expected, rtol=1e-11)
    assert all(moved[key].shape == value.shape for key, value in vector.items())


def test_a_matrix_of_one_weight_is_its_diagonal():
    for kind in (SgldCc, Ccadl):
        ends = []
        for form in ("diagonal", "full"):
            rule = kind(0.1, covariance=form)
            params, state = (
                {"w": torch.ones(1, dtype=torch.float64)},
                rule.init({"w": torch.zeros(1, dtype=torch.float64)}),
            )
            for t in range(8):
                one = {"w": torch.tensor([math.sin(t)], dtype=torch.float64)}
                params, state = rule.update(
                    params, one, state, {"w": torch.tensor([math.cos(3 * t)], dtype=torch.float64)}
                )
            ends.append(params["w"])
        torch.testing.assert_close(*ends, rtol=1e-13, atol=0)


def middle(rule, params, matrix):
    """A state that has seen much: what is estimated is ``matrix``, whatever comes."""
    covariance = {"matrix": matrix}
    seen = {"count": torch.tensor(1e18, dtype=torch.float64), "covariance": covariance}
    if not rule.per_sample:
        seen["previous"] = {key: torch.zeros_like(value) for key, value in params.items()}
    return seen if isinstance(rule, SgldCc) else {**rule.init(params), "noise": seen}


MATRIX = torch.from_numpy(stats.wishart(6, np.diag([4.0, 1.0, 0.5, 0.1]), seed=0).rvs()[:4, :4].copy())
FULL = {"temperature": 0.5, "num_data": 2.0, "covariance": "full"}
STATED = [
    (SgldCc(0.1, batch_size=3.0, **FULL), lambda c: 2 * 0.1 * 0.5 * 3 * c),
    (
        SgldCc(0.1, scale="sum", interpretation="compensated", **FULL),
        lambda c: 2 * 0.1 * 0.5 * np.eye(4) - 0.01 * 4 * c,
    ),
    (
        Ccadl(0.1, diffusion=1.5, thermal_mass=1e9, **FULL),
        lambda c: linalg.expm(-0.01 * 4 * c) * 0.05**2 * 0.5 * (1 - math.exp(-2 * 1.5 * 0.1)),
    ),
]


@pytest.mark.parametrize(("rule", "covariance"), STATED, ids=["literal", "compensated", "ccadl"])
def test_the_noise_has_the_stated_covariance(rule, covariance):
    """Whitened by the matrix that theory states, it is standard normal: chi-squared, and no correlation left.

    CCAdL's friction acts on half of the step before its noise and on half after it: e^(-h^2 N^2 C / (4 T)) twice in
    the covariance of what is added to the place, which moves by h / 2 after it.
    """
    matrix = 0.1 * MATRIX / MATRIX.diagonal().mean()
    eta = torch.randn(20_000, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    zero = {"a": torch.zeros(2, 1, dtype=torch.float64), "b": torch.zeros(2, dtype=torch.float64)}
    state = middle(rule, zero, matrix)

    def place(draw):
        moved, _ = rule.update(zero, zero, state, {"a": draw[:2, None], "b": draw[2:]})
        return torch.cat([moved["a"].flatten(), moved["b"]])

    moved = torch.func.vmap(place)(eta).numpy()
    white = np.linalg.solve(np.linalg.cholesky(covariance(matrix.numpy())), moved.T)
    assert 1e-5 < stats.chi2.cdf((white**2).sum(), white.size) < 1 - 1e-5
    assert abs(np.corrcoef(white) - np.eye(4)).max() < 5 / math.sqrt(20_000)
    assert stats.kstest(white[2], "norm").pvalue > 1e-5


def test_compensation_injects_nothing_along_an_axis_that_has_more_noise_already():
    rule = SgldCc(0.1, scale="sum", interpretation="compensated", **FULL)
    axis = torch.tensor([0.6, 0.8], dtype=torch.float64)
    state = middle(rule, {"w": axis}, 100 * torch.outer(axis, axis))
    zero, eta = {"w": torch.zeros(2, dtype=torch.float64)}, {"w": torch.tensor([1.0, 2.0], dtype=torch.float64)}
    moved = rule.update(zero, zero, state, eta)[0]["w"]
    across = torch.tensor([-0.8, 0.6], dtype=torch.float64)
    torch.testing.assert_close(moved, math.sqrt(0.1) * (across @ eta["w"]) * across, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("estimator", gradient_noise.ESTIMATORS)
@pytest.mark.parametrize("interpretation", ["literal", "compensated"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_at_zero_temperature_it_is_sgd_to_the_bit(interpretation, estimator, dtype):
    settings = {"interpretation": interpretation, "estimator": estimator, "batch_size": 4.0, "temperature": 0.0}
    for form in FORMS:
        cold = SgldCc(0.05, covariance=form, **settings)
        params, sgd = tree(0, dtype=dtype), tree(0, dtype=dtype)
        state, velocity = cold.init(params), Sgd(0.05).init(sgd)
        for t in range(10):
            grads = {key: torch.sin(3 * value) for key, value in params.items()}
            grad_covariance = cold.grad_covariance(tree(t, 4, dtype=dtype), grads)
            more = {"grad_covariance": grad_covariance} if cold.per_sample else {}
            params, state = cold.update(params, grads, state, tree(90 + t, dtype=dtype), **more)
            sgd, velocity = Sgd(0.05).update(sgd, {k: torch.sin(3 * v) for k, v in sgd.items()}, velocity)
        assert all(torch.equal(params[key], sgd[key]) for key in sgd)


@every_form
def test_without_gradient_noise_literal_control_is_sgd_to_the_bit(form):
    """There is no noise to inject, at any temperature."""
    rule = SgldCc(0.05, covariance=form, estimator="per_sample", batch_size=4.0)
    params, grads = tree(0), tree(1)
    grad_covariance = rule.grad_covariance({key: value.expand(4, *value.shape) for key, value in grads.items()}, grads)
    moved, _ = rule.update(params, grads, rule.init(params), tree(2), grad_covariance=grad_covariance)
    expected, _ = Sgd(0.05).update(params, grads, Sgd(0.05).init(params))
    assert all(torch.equal(moved[key], value) for key, value in expected.items())


def test_ccadl_without_gradient_noise_is_sgnht_for_every_form():
    for form in FORMS:
        ours, theirs = Ccadl(0.1, covariance=form), Sgnht(0.1)
        one, other = (tree(0), ours.init(tree(0))), (tree(0), theirs.init(tree(0)))
        for t in range(5):
            one, other = (
                ours.update(one[0], tree(1), one[1], tree(t)),
                theirs.update(other[0], tree(1), other[1], tree(t)),
            )
        for key, value in other[0].items():
            torch.testing.assert_close(one[0][key], value, rtol=1e-13, atol=1e-15)


def test_the_spectrum_of_a_matrix_that_is_no_longer_finite_is_nan():
    """And raises nothing, in company too: the others keep theirs."""
    good = torch.tensor([[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 5.0]], dtype=torch.float64)
    stacked = torch.stack([good, torch.full_like(good, torch.inf), good * torch.nan])
    values, _ = torch.func.vmap(spectrum)(stacked)
    torch.testing.assert_close(values[0], torch.tensor([1.0, 3.0, 5.0], dtype=torch.float64))
    assert values[1:].isnan().all()
    rule = SgldCc(0.1, covariance="full")
    zero = {"w": torch.zeros(3, dtype=torch.float64)}
    moved, _ = rule.update(zero, zero, middle(rule, zero, stacked[1]), zero)
    assert moved["w"].isnan().all()


def test_rounding_is_no_variance():
    """A matrix of rank one has one eigenvalue, whatever its other ones were computed as."""
    vector = torch.randn(40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    values, _ = spectrum(torch.outer(vector, vector))
    assert values[:-1].count_nonzero() == 0
    assert values[-1].item() == pytest.approx(vector.square().sum().item(), rel=1e-12)


def test_slopes_of_functions_of_the_matrix():
    """By the matrix, where eigenvalues coincide too: of rank one, and of none."""
    source = torch.Generator().manual_seed(0)
    vector = torch.randn(5, generator=source, dtype=torch.float64, requires_grad=True)
    target = torch.randn(5, generator=source, dtype=torch.float64)
    full = FORMS["full"]

    def moved(vector):
        kept = full.outer({"w": vector})
        return full.function(kept, lambda c: torch.where(c > 0, 1.0, 2.0) * torch.exp(-c))({"w": target})["w"]

    assert torch.autograd.gradcheck(moved, (vector,))
    nothing = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    still = full.function(full.outer({"w": nothing}), lambda c: torch.exp(-c))({"w": target})["w"]
    assert torch.equal(torch.autograd.grad(still.sum(), nothing)[0], torch.zeros_like(nothing))


@pytest.mark.parametrize("kind", [SgldCc, Ccadl])
def test_a_full_matrix_of_a_large_player_is_refused_with_its_size(kind):
    fits = [torch.zeros(LIMIT, requires_grad=True)]
    kind.optimizer(fits, step_size=0.1, covariance="full")
    with pytest.raises(UserError) as error:
        kind.optimizer([*fits, torch.zeros((), requires_grad=True)], step_size=0.1, covariance="full")
    assert str(error.value).startswith("covariance=full: the player has 1,501 parameters")
    assert "at most 1,500" in str(error.value)
    kind.optimizer([*fits, torch.zeros(1, requires_grad=True)], step_size=0.1)


@pytest.mark.parametrize("kind", [SgldCc, Ccadl])
def test_estimators_that_cannot_be(kind):
    leaf = [torch.zeros(1, requires_grad=True)]
    with pytest.raises(UserError, match=r"estimator=persample.*\n.*per_sample, running"):
        kind.optimizer(leaf, step_size=0.1, estimator="persample")
    with pytest.raises(UserError, match=r"batch_size=1.*at least 2"):
        kind.optimizer(leaf, step_size=0.1, estimator="per_sample", batch_size=1)


def test_outside_of_our_engine_the_spread_is_given_to_the_step():
    """The optimizer with per-sample gradients of torch.func takes the rule's own steps."""
    net = torch.nn.Linear(3, 1).double()
    x = torch.randn(6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def loss(params, x):
        return torch.func.functional_call(net, params, (x[None],)).square().sum()

    optimizer = SgldCc.optimizer(net.named_parameters(), step_size=0.1, batch_size=6, estimator="per_sample", seed=4)
    params = {key: value.detach().clone() for key, value in net.named_parameters()}
    samples = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(params, x)
    grads = {key: value.mean(0) for key, value in samples.items()}
    net(x).square().mean().backward()
    with pytest.raises(ValueError, match="per-sample gradients"):
        optimizer.step()
    optimizer.step(grad_covariance=optimizer.rule.grad_covariance(samples, grads))
    source = torch.Generator().manual_seed(4)
    eta = {key: torch.randn(value.shape, generator=source, dtype=torch.float64) for key, value in params.items()}
    expected, _ = optimizer.rule.update(
        params, grads, optimizer.rule.init(params), eta, grad_covariance=optimizer.rule.grad_covariance(samples, grads)
    )
    for key, value in net.named_parameters():
        torch.testing.assert_close(value.detach(), expected[key], rtol=1e-12, atol=1e-14)
    plain = Sgd.optimizer(net.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="no covariance"):
        plain.step(grad_covariance=grads)
    rule = replace(optimizer.rule, covariance="full")
    with pytest.raises(ValueError, match="needs the covariance"):
        rule.update(params, grads, rule.init(params), eta)
