"""Growing images by hand, and when a run grows."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from steadygan.core.growing import Growth, Stage, at_stage, enlarged, mixed, shrunk
from steadygan.core.types import Networks


def draw(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_shrunk_and_enlarged_by_hand():
    x = torch.tensor([[1.0, 3.0, 0.0, 0.0], [5.0, 7.0, 0.0, 8.0], [1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]])[
        None, None
    ]
    assert shrunk(x, 2).tolist() == [[[[4.0, 2.0], [1.0, 2.0]]]]
    assert shrunk(x, 4) is x
    assert enlarged(shrunk(x, 2), 4)[0, 0].tolist() == [[4, 4, 2, 2], [4, 4, 2, 2], [1, 1, 2, 2], [1, 1, 2, 2]]
    assert torch.equal(shrunk(enlarged(x, 16), 4), x)


@pytest.mark.parametrize("fade", [0.0, 0.25, 1.0, torch.tensor(0.25, dtype=torch.float64)])
def test_real_images_at_a_stage_by_hand(fade):
    """At 4 of 8 pixels: squares of 2 x 2 mixed with squares of 4 x 4."""
    x = draw(2, 1, 8, 8)
    fine = x.unfold(2, 2, 2).unfold(3, 2, 2).mean((4, 5))  # [2, 1, 4, 4]
    coarse = x.unfold(2, 4, 4).unfold(3, 4, 4).mean((4, 5))  # [2, 1, 2, 2]
    expected = (1 - fade) * coarse.repeat_interleave(4, 2).repeat_interleave(4, 3)
    expected = expected + fade * fine.repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(at_stage(x, 4, fade), expected)


def test_mixed_has_the_gradient_of_its_share():
    old, new, fade = draw(3).requires_grad_(), (2 * draw(3)).requires_grad_(), torch.tensor(0.3, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda a, b: mixed(a, b, fade), (old, new))
    grads = torch.autograd.grad(mixed(old, new, fade).sum(), (old, new))
    torch.testing.assert_close(torch.stack(grads), torch.tensor([[0.7] * 3, [0.3] * 3], dtype=torch.float64))


GROWTH = Growth(sizes=(4, 8, 16), per_iteration=10, stable=100, fading=50)
"""Stages begin at 0, 100 and 250 images: iterations 0, 10 and 25."""


def test_the_schedule_by_hand():
    assert [GROWTH.start(stage) for stage in range(3)] == [0, 100, 250]
    assert [GROWTH.begins(stage) for stage in range(3)] == [0, 10, 25]
    assert [GROWTH.stage(t) for t in (0, 9, 10, 24, 25, 10**6)] == [0, 0, 1, 1, 2, 2]
    assert [GROWTH.fade(0, t) for t in (0, 5)] == [1, 1]
    assert [GROWTH.fade(1, t) for t in (10, 11, 14, 15, 24)] == pytest.approx([0, 0.2, 0.8, 1, 1])
    assert [GROWTH.fade(2, t) for t in (25, 26, 30)] == pytest.approx([0, 0.2, 1])


@given(
    stable=st.floats(0.5, 1e4), fading=st.floats(0, 1e4), per=st.integers(1, 999), t=st.integers(0, 10**5)
)  # fmt: skip
def test_a_schedule_never_goes_back_and_is_the_same_of_tensors(stable, fading, per, t):
    growth = Growth((4, 8, 16, 32), per, stable, fading)
    reached = [growth.stage(t) + growth.fade(growth.stage(t), t) for t in (t, t + 1)]
    assert reached[0] <= reached[1]
    stage = growth.stage(t)
    assert growth.begins(stage) <= t
    assert stage == 3 or growth.begins(stage + 1) > t
    assert float(growth.fade(stage, torch.tensor(t))) == pytest.approx(growth.fade(stage, t), abs=1e-12)


def test_functions_are_told_the_stage_and_make_images_of_full_size():
    def generator(params, buffers, z, *label, stage, fade):
        assert (stage, fade) == (1, 0.5)
        return z.view(-1, 1, 8, 8), buffers

    def discriminator(params, buffers, x, *label, stage, fade):
        return x.mean() + stage + fade, buffers

    made = Stage(GROWTH.sizes, 1, 0.5).networks(Networks(generator, discriminator))
    z = draw(2, 64)
    assert torch.equal(made.generator({}, {}, z)[0], enlarged(z.view(2, 1, 8, 8), 16))
    assert float(made.discriminator({}, {}, torch.ones(1))[0]) == 2.5
    assert made.classifier is None
