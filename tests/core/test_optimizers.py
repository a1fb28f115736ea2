"""Update rules against torch.optim, by hand and by their stationary law; the optimizer around them."""

import io
import math
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch
from torch import nn

from steadygan.core.optimizers import Adam, AdamW, RmsProp, RuleOptimizer, Sgd, Sgld, UpdateRule
from steadygan.core.schedules import Linear

# A new rule of torch's adds a row: the rule, and torch's own.
TORCH = [
    (Sgd(lr=0.05), lambda p: torch.optim.SGD(p, lr=0.05)),
    (
        Sgd(lr=0.05, momentum=0.9, weight_decay=0.1),
        lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.1),
    ),
    (RmsProp(lr=0.01), lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.99, eps=1e-8)),
    (RmsProp(lr=0.01, alpha=0.3, eps=1e-3), lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.3, eps=1e-3)),
    (Adam(0.01, 0.5, 0.999), lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.5, 0.999))),
    (
        AdamW(0.01, 0.5, 0.999, weight_decay=0.3),
        lambda p: torch.optim.AdamW(p, lr=0.01, betas=(0.5, 0.999), weight_decay=0.3),
    ),
    (Adam(0.01, 0.0, 0.9, eps=1e-2), lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.0, 0.9), eps=1e-2)),
]
LANGEVIN = Sgld(step_size=0.02, temperature=0.5, prior_precision=0.3, num_data=2.0)
# Each rule with all its numbers away from 0; a new rule adds a row.
RULES = [TORCH[1][0], TORCH[3][0], Adam(0.01, 0.5, 0.99, eps=1e-3), AdamW(0.01, 0.5, 0.9, weight_decay=0.3), LANGEVIN]


def name(rule):
    return type(rule).__name__


def start(dtype=torch.float64):
    source = torch.Generator().manual_seed(0)
    shapes = {"weight": (4, 3), "bias": (4,), "gain": ()}
    return {key: torch.randn(shape, generator=source, dtype=dtype) for key, shape in shapes.items()}


def _normal(seed):
    source = torch.Generator().manual_seed(seed)
    return {key: torch.randn(param.shape, generator=source, dtype=param.dtype) for key, param in start().items()}


NOISE = [_normal(1000 + t) for t in range(20)]


def pull(params, t):
    """Gradients that depend on the place and on the time, one of them always 0."""
    grads = {key: (t % 5 + 1) * torch.sin(3 * param) for key, param in params.items()}
    return {**grads, "gain": torch.zeros_like(params["gain"])}


def noise(params, t):
    return {key: NOISE[t][key].to(param.dtype) for key, param in params.items()}


def follow(rule, params, steps):
    state = rule.init(params)
    for t in range(steps):
        params, state = rule.update(params, pull(params, t), state, noise(params, t) if rule.noisy else None)
    return params


@pytest.mark.parametrize(
    ("rule", "theirs"), TORCH, ids=lambda value: name(value) if isinstance(value, UpdateRule) else ""
)
@pytest.mark.parametrize(("dtype", "steps", "tolerance"), [(torch.float64, 50, 1e-12), (torch.float32, 1, 2e-7)])
def test_follows_torch(rule, theirs, dtype, steps, tolerance):
    leaves = {key: param.requires_grad_() for key, param in start(dtype).items()}
    optimizer = theirs(list(leaves.values()))
    for t in range(steps):
        for key, grad in pull({key: leaf.detach() for key, leaf in leaves.items()}, t).items():
            leaves[key].grad = grad
        optimizer.step()
    params = follow(rule, start(dtype), steps)
    for key, leaf in leaves.items():
        assert params[key].dtype == dtype
        torch.testing.assert_close(params[key], leaf.detach(), rtol=tolerance, atol=tolerance)
    assert (params["bias"] - start(dtype)["bias"]).abs().max() > 1e-3


def test_adams_corrections_keep_their_digits():
    """In float32 the power of beta2 = 0.9999 would drift; in float64 it is that of the number of steps."""
    rule, params = Adam(0.1, 0.9, 0.9999), {"w": torch.zeros(1)}
    state = rule.init(params)
    for _ in range(5000):
        state = rule.update(params, {"w": torch.ones(1)}, state)[1]
    assert state["power2"].item() == pytest.approx(0.9999**5000, rel=1e-12)
    first = rule.update(params, {"w": torch.full((1,), 7.0)}, rule.init(params))[0]["w"]
    assert first.item() == pytest.approx(-0.1, rel=1e-6)


def test_sgld_by_hand():
    params, grads, eta = ({"w": torch.tensor([x], dtype=torch.float64)} for x in (2.0, 3.0, -1.0))
    moved, state = LANGEVIN.update(params, grads, LANGEVIN.init(params), eta)
    assert moved["w"].item() == pytest.approx(2.0 - 0.02 * (2.0 * 3.0 + 0.3 * 2.0) - math.sqrt(2 * 0.02 * 0.5))
    assert state == {}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_sgld_at_zero_temperature_is_sgd_to_the_bit(dtype):
    cold, plain = follow(Sgld(step_size=0.05, temperature=0.0), start(dtype), 20), follow(Sgd(0.05), start(dtype), 20)
    assert all(torch.equal(cold[key], plain[key]) for key in plain)


@pytest.mark.parametrize(
    ("rule", "curvature"),
    [
        (Sgld(step_size=0.5), 1.0),
        (Sgld(step_size=0.1, temperature=0.25), 4.0),
        (Sgld(step_size=0.1, prior_precision=2.0, num_data=3.0), 1.5),
    ],
)
def test_the_stationary_variance_on_a_quadratic(rule, curvature):
    """U = a theta^2 / 2 with a = num_data curvature + prior: variance T / (a (1 - eps a / 2)), here of 40000 chains."""
    chains, source = 40_000, torch.Generator().manual_seed(0)
    params, state = {"w": torch.zeros(chains, dtype=torch.float64)}, {}
    for _ in range(80):
        eta = {"w": torch.randn(chains, generator=source, dtype=torch.float64)}
        params, state = rule.update(params, {"w": curvature * params["w"]}, state, eta)
    a = rule.num_data * curvature + rule.prior_precision
    expected = rule.temperature / (a * (1 - rule.step_size * a / 2))
    error = expected * math.sqrt(2 / chains)
    assert params["w"].var().item() == pytest.approx(expected, abs=4 * error)
    assert params["w"].mean().item() == pytest.approx(0, abs=4 * math.sqrt(expected / chains))


@pytest.mark.parametrize("rule", RULES, ids=name)
def test_nothing_is_changed_in_place(rule):
    params = start()
    grads, eta = pull(params, 0), noise(params, 0)
    _, state = rule.update(params, grads, rule.init(params), eta)
    trees = (params, grads, state, eta)
    copies = torch.utils._pytree.tree_map(torch.clone, trees)
    rule.update(*trees)
    leaves = zip(torch.utils._pytree.tree_leaves(trees), torch.utils._pytree.tree_leaves(copies))
    assert all(torch.equal(now, before) for now, before in leaves)


@pytest.mark.parametrize("rule", RULES, ids=name)
@pytest.mark.parametrize(("dtype", "steps", "tolerance"), [(torch.float64, 20, 1e-12), (torch.float32, 1, 2e-7)])
def test_vmap_over_all_numbers_is_a_loop(rule, dtype, steps, tolerance):
    factors = torch.tensor([0.5, 0.9, 1.0], dtype=torch.float64)
    keys = list(rule.ranges)
    singles = [replace(rule, **{key: getattr(rule, key) * factor.item() for key in keys}) for factor in factors]
    hyperparameters = {key: torch.tensor([getattr(r, key) for r in singles], dtype=torch.float64) for key in keys}
    starts = [{key: scale * param for key, param in start(dtype).items()} for scale in (1, -1, 0.5)]
    stacked = {key: torch.stack([s[key] for s in starts]) for key in starts[0]}
    mapped = torch.func.vmap(lambda hyperparameters, params: follow(replace(rule, **hyperparameters), params, steps))(
        hyperparameters, stacked
    )
    for i, single in enumerate(singles):
        for key, expected in follow(single, starts[i], steps).items():
            assert mapped[key].dtype == dtype
            torch.testing.assert_close(mapped[key][i], expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("rule", RULES, ids=name)
def test_updates_can_be_differentiated_through(rule):
    """Look-ahead games need it: the place after three steps by the place before them."""
    params = {key: param.requires_grad_() for key, param in start().items()}
    assert torch.autograd.gradcheck(
        lambda weight, bias: tuple(follow(rule, {**params, "weight": weight, "bias": bias}, 3).values()),
        (params["weight"], params["bias"]),
    )


def test_ranges():
    assert all(0.0 not in rule.ranges[key] for rule, key in zip(RULES, ("lr", "lr", "lr", "lr", "step_size")))
    assert 0.0 in Sgld.ranges["temperature"]
    assert all(1.0 not in Adam.ranges[key] and 0.0 in Adam.ranges[key] for key in ("beta1", "beta2"))
    assert Adam.optimizer.__self__.ranges is Adam.ranges
    assert [rule.noisy for rule in RULES] == [False, False, False, False, True]


# The optimizer around a rule.


def regression(dtype=torch.float64):
    """A small net and its loss on fixed data, the same at each call."""
    source = torch.Generator().manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1)).to(dtype)
    with torch.no_grad():
        for param in net.parameters():
            param.copy_(0.5 * torch.randn(param.shape, generator=source, dtype=dtype))
    x = torch.randn(64, 3, generator=source, dtype=dtype)
    y = x.prod(1, keepdim=True)
    return net, lambda: (net(x) - y).square().mean()


def train(optimizer, loss, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    return loss().item()


@pytest.mark.parametrize(
    ("rule", "theirs"), TORCH, ids=lambda value: name(value) if isinstance(value, UpdateRule) else ""
)
def test_trains_a_regression_like_torch(rule, theirs):
    ours_net, ours_loss = regression()
    their_net, their_loss = regression()
    before = ours_loss().item()
    after = train(RuleOptimizer(ours_net.parameters(), rule), ours_loss, 50)
    assert after < 0.97 * before
    assert after == pytest.approx(train(theirs(their_net.parameters()), their_loss, 50), rel=1e-10)


SCHEDULED = Sgd(lr=Linear(start=0.1, end=0.01, begin=0, finish=20))


@pytest.mark.parametrize("rule", [*RULES, SCHEDULED], ids=name)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_resumes_to_the_same_bits(rule, dtype):
    net, loss = regression(dtype)
    optimizer = RuleOptimizer(net.named_parameters(), rule, seed=3)
    train(optimizer, loss, 7)
    file = io.BytesIO()
    torch.save({"net": net.state_dict(), "optimizer": optimizer.state_dict()}, file)
    train(optimizer, loss, 9)

    resumed, resumed_loss = regression(dtype)
    again = RuleOptimizer(resumed.named_parameters(), rule, seed=99)
    saved = torch.load(io.BytesIO(file.getvalue()), weights_only=True)
    resumed.load_state_dict(saved["net"])
    again.load_state_dict(saved["optimizer"])
    train(again, resumed_loss, 9)
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), resumed.parameters()))


def test_the_state_keeps_its_dtypes():
    """torch's own load_state_dict casts to the parameter's dtype: here the powers would become bfloat16."""
    net, loss = regression(torch.bfloat16)
    optimizer = RuleOptimizer(net.parameters(), Adam(1e-3, 0.5, 0.999))
    train(optimizer, loss, 300)
    optimizer.load_state_dict(optimizer.state_dict())
    power = optimizer.state_dict()["rule"]["power2"]
    assert power.dtype == torch.float64
    assert power.item() == pytest.approx(0.999**300, rel=1e-12)


def test_the_seed_decides_the_noise():
    def place(seed):
        leaf = torch.zeros(5, dtype=torch.float64, requires_grad=True)
        leaf.grad = torch.zeros_like(leaf)
        Sgld.optimizer([leaf], step_size=0.5, seed=seed).step()
        return leaf.detach()

    source = torch.Generator().manual_seed(4)
    torch.manual_seed(0)
    assert torch.equal(place(4), torch.randn(5, generator=source, dtype=torch.float64))
    assert not torch.equal(place(4), place(5))


def test_made_from_the_class_with_named_parameters():
    seen = []

    @dataclass(frozen=True)
    class Listener(UpdateRule):
        noisy: ClassVar[bool] = False
        lr: float

        def update(self, params, grads, state, noise=None):
            seen.append((sorted(params), noise))
            return params, state

    net, loss = regression()
    optimizer = Listener.optimizer(net.named_parameters(), lr=0.1)
    train(optimizer, loss, 1)
    assert isinstance(optimizer, torch.optim.Optimizer)
    assert optimizer.rule == Listener(0.1)
    assert seen == [(["0.bias", "0.weight", "2.bias", "2.weight"], None)]


def test_closures_and_missing_gradients():
    leaves = [torch.ones(2, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    optimizer = Sgld.optimizer(leaves, step_size=0.1)

    def closure():
        optimizer.zero_grad()
        loss = 3 * leaves[0].sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 6.0
    assert (leaves[0] != 1).all()
    assert torch.equal(leaves[1].detach(), torch.ones(2, dtype=torch.float64))


def test_torchs_schedulers_and_our_schedules():
    def places(optimizer, leaf, scheduler=None):
        path = []
        for _ in range(3):
            leaf.grad = torch.ones_like(leaf)
            optimizer.step()
            path.append(leaf.item())
            if scheduler is not None:
                scheduler.step()
        return path

    expected = [-0.1, -0.15, -0.175]
    leaf = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = Sgd.optimizer([leaf], lr=0.1)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    assert places(optimizer, leaf, scheduler) == pytest.approx(expected)

    leaf = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = Sgd.optimizer([leaf], lr=Linear(start=0.3, end=0.1, begin=0, finish=2))
    assert places(optimizer, leaf) == pytest.approx([-0.3, -0.5, -0.6])


def test_one_group_only():
    leaves = [torch.ones(2, requires_grad=True) for _ in range(2)]
    with pytest.raises(ValueError, match="one group"):
        Sgd.optimizer([{"params": [leaf]} for leaf in leaves], lr=0.1)
