"""LeCam's penalty and its averages by hand; weight decay against the penalty that it stands for."""

from functools import partial

import pytest
import torch

from steadygan.core.regularizers import LeCam, weight_decay

LIKE = torch.zeros(1, dtype=torch.float64)


def critic(x):
    return x[:, 0]


def column(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)[:, None]


def test_by_hand():
    """Averages with decay 1/2: after means 2 and -1 they are these; after 4 and 0 more they are weighted 1 to 2."""
    lecam = LeCam(weight=0.5, decay=0.5)
    aux_state = lecam.init(1, LIKE)
    value, batch_stats = lecam(critic, column(1.0, 3.0), column(-2.0, 0.0), None, aux_state)
    assert value.tolist() == [0, 0], "nothing is known before the first update"
    aux_state = lecam.update(aux_state, batch_stats)
    assert {name: number.item() for name, number in lecam.logs(aux_state).items()} == {"real": 2.0, "fake": -1.0}
    value, batch_stats = lecam(critic, column(3.0, 5.0), column(1.0, -1.0), None, aux_state)
    assert value.tolist() == pytest.approx([0.5 * ((3 + 1) ** 2 + (2 - 1) ** 2), 0.5 * ((5 + 1) ** 2 + (2 + 1) ** 2)])
    aux_state = lecam.update(aux_state, batch_stats)
    expected = {"real": (2 + 2 * 4) / 3, "fake": (-1 + 2 * 0) / 3}
    assert {name: number.item() for name, number in lecam.logs(aux_state).items()} == pytest.approx(expected)


def test_the_average_is_adams():
    """Freed of its start as Adam's first moment is: m_t / (1 - decay^t)."""
    lecam, means = LeCam(decay=0.9), torch.randn(7, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    aux_state, moment = lecam.init(1, LIKE), torch.zeros(2, dtype=torch.float64)
    for t, (real, fake) in enumerate(means, start=1):
        aux_state = lecam.update(aux_state, {"real": real[None], "fake": fake[None]})
        moment = 0.9 * moment + 0.1 * means[t - 1]
        expected = (moment / (1 - 0.9**t)).tolist()
        assert [lecam.logs(aux_state)[name].item() for name in ("real", "fake")] == pytest.approx(expected)


def test_one_sided():
    lecam = LeCam(weight=1.0, one_sided=True)
    aux_state = {"real": column(0.5)[0], "fake": column(-0.5)[0], "share": column(1.0)[0]}
    value, _ = lecam(critic, column(-2.0, 1.0), column(0.0, 3.0), None, aux_state)
    assert value.tolist() == [0.25, 2.25]


def test_each_of_several_discriminators_has_averages_of_its_own():
    lecam = LeCam(weight=1.0, decay=0.5)
    real, fake = column(1.0, 3.0, 10.0, 20.0), column(0.0, 0.0, 5.0, 7.0)
    _, batch_stats = lecam(critic, real, fake, None, lecam.init(2, LIKE))
    assert {name: value.tolist() for name, value in batch_stats.items()} == {"real": [2.0, 15.0], "fake": [0.0, 6.0]}
    aux_state = lecam.update(lecam.init(2, LIKE), batch_stats)
    value, _ = lecam(critic, real, fake, None, aux_state)
    assert value.tolist() == [1 + 4, 9 + 4, 16 + 100, 196 + 64]


def seen_before():
    return {"real": column(0.4)[0], "fake": column(-0.2)[0], "share": column(0.5)[0]}


@pytest.mark.parametrize("one_sided", [False, True])
def test_gradients_by_the_critics_parameters(one_sided):
    real, fake = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    w = torch.randn(3, generator=torch.Generator().manual_seed(1), dtype=torch.float64, requires_grad=True)
    lecam = LeCam(one_sided=one_sided)
    assert torch.autograd.gradcheck(lambda w: lecam(lambda x: x @ w, real, fake, None, seen_before())[0], w)
    assert not lecam(lambda x: x @ w, real, fake, None, seen_before())[1]["real"].requires_grad


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_vmap_over_the_numbers_is_a_loop(dtype):
    real, fake = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0), dtype=dtype)
    grid = torch.tensor([0.0, 0.3, 0.9], dtype=torch.float64)

    def one(number):
        lecam = LeCam(weight=number, decay=number)
        aux_state = lecam.init(1, torch.zeros(1, dtype=dtype))
        for shift in (0.0, 1.0):
            value, batch_stats = lecam(lambda x, by=shift: x.sum(1) + by, real, fake, None, aux_state)
            aux_state = lecam.update(aux_state, batch_stats)
        return value, aux_state

    mapped, aux_state = torch.func.vmap(one)(grid)
    assert {value.dtype for value in aux_state.values()} == {dtype}
    for index, number in enumerate(grid.tolist()):
        value, own = one(number)
        torch.testing.assert_close(mapped[index].to(dtype), value.to(dtype), rtol=1e-6, atol=1e-6)
        for name in own:
            torch.testing.assert_close(aux_state[name][index], own[name], rtol=1e-6, atol=1e-6)


def test_weight_decay_beside_gradient_descent_is_its_penalty():
    """lr times the gradient of weight / (2 lr) |w|^2, to the first step's product of both."""
    w = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    shrunk = weight_decay({"w": w}, weight=0.01)["w"]
    leaf = w.clone().requires_grad_()
    optimizer = torch.optim.SGD([leaf], lr=0.1, weight_decay=0.01 / 0.1)
    leaf.sum().backward()
    leaf.grad.zero_()
    optimizer.step()
    torch.testing.assert_close(shrunk, leaf.detach(), rtol=1e-14, atol=0)
    adamw = torch.optim.AdamW([leaf], lr=0.1, weight_decay=0.1)
    before = leaf.detach().clone()
    leaf.grad = torch.zeros_like(leaf)
    adamw.step()
    torch.testing.assert_close(weight_decay({"w": before}, weight=0.01)["w"], leaf.detach(), rtol=1e-14, atol=0)


def test_weight_decay_under_vmap_is_a_loop():
    params = {"w": torch.ones(2, 3), "b": torch.arange(2.0)}
    grid = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)
    mapped = torch.func.vmap(lambda n: weight_decay(params, weight=n))(grid)
    for name, value in params.items():
        assert mapped[name].dtype == torch.float32
        looped = [partial(weight_decay, weight=n)(params)[name] for n in grid.tolist()]
        assert torch.equal(mapped[name], torch.stack(looped))
        assert torch.equal(mapped[name][2], torch.zeros_like(value))
