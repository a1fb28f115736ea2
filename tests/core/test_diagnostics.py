"""Diagnostics by hand, in a run of two iterations, and under vmap."""

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import cosine_similarity

from steadygan.core.diagnostics import cosine, flat, inner, judgements, norm


def test_how_sure_the_discriminator_is_by_hand():
    real, fake = torch.tensor([5.0, 4.0, -1.0, 0.5]), torch.tensor([-9.0, -4.7, -0.1, 3.0])
    found = {name: float(value) for name, value in judgements(real, fake).items()}
    sigmoid = torch.sigmoid
    assert found == pytest.approx(
        {
            "logits/gap": 8.5 / 4 + 10.8 / 4,
            "accuracy/discriminator": (3 + 3) / 8,
            "saturation/real": float((sigmoid(real) > 0.99).double().mean()),
            "saturation/fake": float((sigmoid(fake) < 0.01).double().mean()),
        }
    )
    assert (found["saturation/real"], found["saturation/fake"]) == (0.25, 0.5)


def parts(vector):
    """A vector as two tensors of different shapes."""
    return [vector[..., :30].unflatten(-1, (5, 6)), vector[..., 30:]]


def test_the_cosine_is_scikit_learns_and_0_beside_nothing():
    rng = np.random.default_rng(0)
    one, other = rng.standard_normal((2, 40))
    expected = cosine_similarity([one], [other])[0, 0]
    x, y = (parts(torch.tensor(vector)) for vector in (one, other))
    assert float(cosine(x, y)) == pytest.approx(expected)
    assert float(inner(x, y)) == pytest.approx(one @ other)
    assert float(norm(x)) == pytest.approx(np.linalg.norm(one))
    assert float(cosine(x, [-3 * part for part in x])) == pytest.approx(-1)
    assert float(cosine(x, [1e-15 * part for part in x])) == pytest.approx(1)
    assert float(cosine(x, [0 * part for part in x])) == 0
    # what is left of terms of size 1 that cancel has no direction
    assert float(cosine(x, [1e-24 * part for part in y])) == 0


def test_under_vmap_as_one_by_one():
    x = torch.randn(3, 2, 40, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 4
    x[1, 0] = 0
    together = torch.func.vmap(lambda pair: {**judgements(*pair), "cosine": cosine(*map(parts, pair))})(x)
    for place, pair in enumerate(x):
        alone = {**judgements(*pair), "cosine": cosine(*map(parts, pair))}
        assert {name: float(values[place]) for name, values in together.items()} == pytest.approx(
            {name: float(value) for name, value in alone.items()}
        )


def test_no_gradient_flows_through_them():
    x = torch.ones(3, requires_grad=True)
    assert not any(value.requires_grad for value in judgements(x * 2, x).values())
    assert not flat([x * 2, x]).requires_grad
    assert not cosine([x * 2], [x]).requires_grad
