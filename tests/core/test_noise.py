"""Noise against scipy's filters and by hand."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import ndimage

from steadygan.common.errors import UserError
from steadygan.core import draws
from steadygan.core.declare import declared
from steadygan.core.noise import MultiBlur, blur, blur_instance, identity, instance


def images(height=8, width=8, dtype=torch.float64):
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0), dtype=dtype)


def vectors():
    return torch.randn(4, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def normal_like(x):
    return torch.randn(x.shape, generator=torch.Generator().manual_seed(2), dtype=x.dtype)


def by_scipy(x, sigma, radius):
    return torch.from_numpy(ndimage.gaussian_filter(x.numpy(), sigma, mode="reflect", radius=radius, axes=(2, 3)))


@pytest.mark.parametrize("size", [(8, 8), (5, 9), (28, 28), (1, 4), (2, 3)])
@pytest.mark.parametrize("radius", [1, 6, 12, 40])
@pytest.mark.parametrize("sigma", [0.3, 1.0, 5.0])
def test_blur_is_scipys(size, radius, sigma):
    x = images(*size)
    torch.testing.assert_close(
        blur(x, None, sigma=sigma, radius=radius), by_scipy(x, sigma, radius), rtol=0, atol=1e-13
    )


def test_the_default_radius_is_exact_to_four_sigma_up_to_three_pixels():
    x = images(32, 32)
    wide = torch.from_numpy(ndimage.gaussian_filter(x.numpy(), 3.0, mode="reflect", truncate=12, axes=(2, 3)))
    assert (blur(x, None, sigma=3.0) - wide).abs().max() < 2e-4


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_blur_is_the_identity_to_the_bit(dtype):
    x = images(8, 6, dtype=dtype)
    assert torch.equal(blur(x, None, sigma=0.0), x)
    assert torch.equal(blur(x, None, sigma=torch.tensor(0.0)), x)


@pytest.mark.parametrize("sigma", [1e-30, 1e-3, 1e3, 1e20])
def test_extreme_levels(sigma):
    """A tiny level changes nothing; a huge one takes the mean over the window, here of a whole period."""
    x = images(3, 3, dtype=torch.float32)
    out = blur(x, None, sigma=sigma, radius=7)
    expected = x if sigma < 1 else by_scipy(x.double(), 1e6, 7).float()
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-5)


def test_blur_keeps_constants_and_shrinks_the_variance():
    flat = torch.full((1, 1, 8, 8), 0.7, dtype=torch.float64)
    torch.testing.assert_close(blur(flat, None, sigma=2.0), flat, rtol=1e-14, atol=0)
    x = images(28, 28)
    spreads = [blur(x, None, sigma=sigma).std().item() for sigma in (0.0, 0.5, 1.0, 2.0, 4.0)]
    assert all(b < 0.8 * a for a, b in pairwise(spreads))


def test_a_point_spreads_as_a_gaussian():
    x = torch.zeros(1, 1, 33, 33, dtype=torch.float64)
    x[0, 0, 16, 16] = 1.0
    place = np.arange(33) - 16
    kernel = np.exp(-(place**2) / (2 * 1.5**2))
    expected = np.outer(kernel, kernel) / kernel.sum() ** 2
    np.testing.assert_allclose(blur(x, None, sigma=1.5)[0, 0].numpy(), expected, atol=1e-13)


def test_no_blur_has_a_finite_slope_by_the_level():
    sigma = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(blur(images(), None, sigma=sigma).square().sum(), sigma)
    assert slope.item() == 0.0


@pytest.mark.parametrize("radius", [-1, 2.5, "6"])
def test_a_bad_radius_is_the_users_mistake(radius):
    with pytest.raises(UserError, match=f"noise.radius={radius}"):
        blur(images(), None, sigma=1.0, radius=radius)


def test_by_hand_on_vectors():
    x, eps = torch.tensor([[1.0, -2.0]]), torch.tensor([[0.5, 2.0]])
    assert identity(x, None) is x
    assert instance(x, eps, sigma=2.0).tolist() == [[2.0, 2.0]]
    assert blur(x, eps, sigma=2.0).tolist() == [[2.0, 2.0]]
    assert blur_instance(x, eps, blur_sigma=3.0, instance_sigma=4.0).tolist() == [[3.5, 8.0]]


def test_instance_noise_on_images():
    x = images()
    eps = normal_like(x)
    torch.testing.assert_close(instance(x, eps, sigma=0.3) - x, 0.3 * eps, rtol=0, atol=1e-15)


def test_blur_and_instance_noise_on_images():
    """The noise is not blurred."""
    x = images()
    eps = normal_like(x)
    both = blur_instance(x, eps, blur_sigma=1.2, instance_sigma=0.3, radius=6)
    torch.testing.assert_close(both, by_scipy(x, 1.2, 6) + 0.3 * eps, rtol=0, atol=1e-13)


# A new kind of noise adds a row: the function, and its levels.
NOISES = [
    (identity, {}),
    (instance, {"sigma": 0.4}),
    (blur, {"sigma": 0.8}),
    (blur_instance, {"blur_sigma": 0.8, "instance_sigma": 0.4}),
]
WITH_DATA = [(perturb, levels, x) for perturb, levels in NOISES for x in (images(4, 5), vectors())]
IDS = [f"{perturb.__name__}-{x.ndim}d" for perturb, _, x in WITH_DATA]


@pytest.mark.parametrize(("perturb", "levels", "x"), WITH_DATA, ids=IDS)
def test_gradients_by_the_input(perturb, levels, x):
    x, eps = x[:1].clone().requires_grad_(), normal_like(x[:1])
    assert torch.autograd.gradcheck(lambda x: perturb(x, eps, **levels), x)


@pytest.mark.parametrize(("perturb", "levels", "x"), WITH_DATA, ids=IDS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_vmap_over_levels_is_a_loop(perturb, levels, x, dtype):
    """The levels stay in float64, as a population keeps them, and 0 is one of them."""
    xs = torch.stack([x, -x, 2 * x]).to(dtype)
    eps = normal_like(xs)
    factors = torch.tensor([0.0, 1.0, 3.0], dtype=torch.float64)

    def look(x, eps, factor):
        return perturb(x, eps, **{key: level * factor for key, level in levels.items()})

    looped = torch.stack([look(x, e, factor.item()) for x, e, factor in zip(xs, eps, factors)])
    mapped = torch.func.vmap(look)(xs, eps, factors)
    assert mapped.dtype == dtype
    assert torch.equal(mapped[0], xs[0])
    torch.testing.assert_close(mapped, looped, rtol=0, atol=1e-14 if dtype == torch.float64 else 3e-6)


@pytest.mark.parametrize(("perturb", "levels", "x"), WITH_DATA, ids=IDS)
def test_the_declared_draw_is_what_the_noise_takes(perturb, levels, x):
    draw = declared(partial(perturb, **levels), "draw")
    eps = draw(draws.generator(0, "noise"), tuple(x.shape), x.dtype)
    assert perturb(x, eps, **levels).isfinite().all()
    wanted = {identity: False, instance: True, blur: x.ndim == 2, blur_instance: True}[perturb]
    assert (eps is not None) == wanted


@pytest.mark.parametrize(("perturb", "levels"), NOISES)
def test_levels_are_not_negative(perturb, levels):
    assert set(declared(perturb, "ranges")) == set(levels)
    assert all(-0.1 not in allowed and 0.0 in allowed for allowed in declared(perturb, "ranges").values())


def test_multi_blur_shows_each_level_once():
    x = torch.randn(3, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    noise = MultiBlur(sigma=2.0, ratio=0.5, levels=3)
    for view, sigma in zip(noise.views(), (2.0, 1.0, 0.5), strict=True):
        torch.testing.assert_close(view(x, None), by_scipy(x, sigma, 12), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(noise(x, None), noise.views()[0](x, None))


def test_multi_blur_with_ratio_0_adds_the_clean_samples():
    x, eps = torch.randn(2, 5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    first, second = MultiBlur(sigma=0.3, ratio=0.0, levels=2).views()
    torch.testing.assert_close(first(x, eps), x + 0.3 * eps)
    assert torch.equal(second(x, eps), x)


def test_multi_blur_differentiates_and_vmaps():
    x, eps = torch.randn(2, 5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    sigmas = torch.tensor([0.1, 0.5, 2.0], dtype=torch.float64)

    def seen(sigma):
        return sum(view(x, eps) for view in MultiBlur(sigma, 0.5, 2).views())

    torch.testing.assert_close(torch.func.vmap(seen)(sigmas), torch.stack([seen(sigma) for sigma in sigmas]))
    torch.testing.assert_close(torch.func.jacfwd(seen)(sigmas[0]), 1.5 * eps)
