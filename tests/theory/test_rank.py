"""The rank of a generator's Jacobian."""

import pytest
import torch

from steadygan.networks.mlp import Generator
from steadygan.theory.rank import jacobian, rank


@pytest.mark.parametrize(("inner", "latent", "size"), [(2, 6, 9), (4, 3, 9), (5, 9, 3)])
def test_of_a_linear_map_of_known_rank(inner, latent, size):
    source = torch.Generator().manual_seed(0)
    left = torch.randn(size, inner, generator=source, dtype=torch.float64)
    right = torch.randn(inner, latent, generator=source, dtype=torch.float64)
    matrix = jacobian(lambda z: (left @ (right @ z)).view(1, size), torch.zeros(latent, dtype=torch.float64))
    assert torch.allclose(matrix, left @ right)
    assert rank(torch.linalg.svdvals(matrix), 1e-9) == min(inner, latent, size)


def test_a_narrow_layer_bounds_it_and_dead_units_lower_it():
    torch.manual_seed(0)
    generator = Generator(shape=(20,), latent=12, width=4, depth=3).double()
    z = torch.randn(8, 12, dtype=torch.float64)
    ranks = [rank(torch.linalg.svdvals(jacobian(lambda at: generator(at[None])[0], one)), 1e-9) for one in z]
    assert 0 < max(ranks) <= 4
    with torch.no_grad():
        next(value for name, value in generator.named_parameters() if name.endswith("bias")).fill_(-1e3)
    assert rank(torch.linalg.svdvals(jacobian(lambda at: generator(at[None])[0], z[0])), 1e-9) == 0


def test_small_values_count_by_their_share_of_the_largest():
    values = torch.tensor([2.0, 1e-3, 1e-12])
    assert (rank(values, 1e-9), rank(values, 1e-2), rank(torch.zeros(3), 1e-9)) == (2, 1, 0)
