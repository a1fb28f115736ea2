"""Labels as tensors, against softmaxes over K + 1 classes, torch's cross-entropy and counting."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from steadygan.core.draws import generator
from steadygan.core.labels import (
    adversarial_logit,
    classification_loss,
    equal_weights,
    given_draws,
    given_rows,
    one_hot,
)


def draw(*shape, seed=0, scale=1.0):
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def logits(seed=0, scale=3.0):
    return draw(7, 4, seed=seed, scale=scale)


TARGET = torch.tensor([0, 3, 1, 2, 3, 0, 1])
GIVEN = torch.tensor([True, False, True, True, False, False, True])


def test_the_adversarial_logit_is_that_of_the_softmax_with_a_class_of_fakes():
    """Salimans et al.: with the logit of class K + 1 at 0, D(x) = Z / (Z + 1)."""
    classes = logits()
    with_fakes = F.softmax(F.pad(classes, (0, 1)), 1)
    logit = adversarial_logit(classes)
    z = classes.exp().sum(1)
    torch.testing.assert_close(torch.sigmoid(logit), 1 - with_fakes[:, -1])
    torch.testing.assert_close(torch.sigmoid(logit), z / (z + 1))
    torch.testing.assert_close(F.softplus(logit), -with_fakes[:, -1].log())
    far = adversarial_logit(torch.tensor([[1e4, -1e4], [-1e4, -1e4]], dtype=torch.float64))
    torch.testing.assert_close(far, torch.tensor([1e4, -1e4 + 0.6931471805599453], dtype=torch.float64))


def test_the_gradient_of_the_logit_is_the_softmax():
    classes = logits().requires_grad_()
    (slope,) = torch.autograd.grad(adversarial_logit(classes).sum(), classes)
    torch.testing.assert_close(slope, F.softmax(classes.detach(), 1))
    assert torch.autograd.gradcheck(adversarial_logit, classes)


def test_the_classification_loss_is_the_cross_entropy_of_the_labelled_ones():
    classes = logits().requires_grad_()
    loss = classification_loss(classes, TARGET, equal_weights(GIVEN, torch.float64)).mean()
    expected = F.cross_entropy(classes[GIVEN], TARGET[GIVEN])
    torch.testing.assert_close(loss, expected)
    for_loss, for_expected = (torch.autograd.grad(value, classes)[0] for value in (loss, expected))
    torch.testing.assert_close(for_loss, for_expected)
    assert (for_loss[~GIVEN] == 0).all()
    assert (for_loss[GIVEN] != 0).all()


def test_where_no_label_is_given_the_loss_and_its_gradient_are_0():
    classes = logits().requires_grad_()
    weights = equal_weights(torch.zeros(7, dtype=torch.bool), torch.float64)
    loss = classification_loss(classes, torch.full((7,), -1), weights).mean()
    assert loss == 0
    assert (torch.autograd.grad(loss, classes)[0] == 0).all()


def test_the_means_of_the_parts_average_to_that_of_the_whole():
    weights = equal_weights(torch.cat([GIVEN, torch.tensor([False])]), torch.float64)
    values = draw(8, seed=1)
    parts = [(weights * values)[part].mean() for part in (slice(0, 4), slice(4, 8))]
    torch.testing.assert_close(torch.stack(parts).mean(), values[:7][GIVEN].mean())


def test_vmap_equals_the_loop():
    classes = torch.stack([logits(seed) for seed in range(3)])
    targets = torch.stack([TARGET.roll(seed) for seed in range(3)])
    weights = torch.stack([equal_weights(GIVEN.roll(seed), torch.float64) for seed in range(3)])
    grad = torch.func.grad(lambda c, t, w: (classification_loss(c, t, w) + adversarial_logit(c)).mean())
    together = torch.func.vmap(grad)(classes, targets, weights)
    assert torch.equal(together, torch.stack([grad(*each) for each in zip(classes, targets, weights)]))
    codes = torch.func.vmap(lambda label: one_hot(label, 4, torch.float64))(targets)
    assert torch.equal(codes, F.one_hot(targets, 4).double())


def test_a_label_that_is_none_has_no_code():
    assert torch.equal(one_hot(torch.tensor([2, 3, -1]), 3, torch.float32), torch.eye(5)[[2, 3, 4], :3])


@given(count=st.integers(1, 300), share=st.floats(0, 1), seed=st.integers(0, 5))
def test_the_share_of_given_rows_is_exact_and_grows_by_adding(count, share, seed):
    given_now = given_rows(count, share, seed)
    assert int(given_now.sum()) == round(share * count)
    assert torch.equal(given_now, given_rows.__wrapped__(count, share, seed))
    more = given_rows(count, min(1.0, share + 0.1), seed)
    assert not (given_now & ~more).any()


def test_given_rows_are_a_matter_of_the_seed():
    first, second = given_rows(1437, 0.1, 0), given_rows(1437, 0.1, 1)
    assert int(first.sum()) == int(second.sum()) == 144
    assert int((first & second).sum()) < 40
    assert given_rows(10, 1.0, 0).all()
    assert not given_rows(10, 0.0, 0).any()


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_given_draws_have_the_share_on_average(share):
    drawn = given_draws(100_000, share, generator(0, "test"))
    assert abs(float(drawn.double().mean()) - share) <= 5 * (share * (1 - share) / 1e5) ** 0.5
    assert torch.equal(drawn, given_draws(100_000, share, generator(0, "test")))
