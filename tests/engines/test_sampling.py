"""Which draws a batch holds: each of a stream and an index of its own."""

import itertools

import pytest
import torch

from steadygan.build import build
from steadygan.core.draws import generator, normal_like
from steadygan.engines.functional import tensors
from steadygan.engines.sampling import BatchSampler

B = 5


@pytest.fixture(scope="module")
def drawn(plain):
    components = build(plain("noise=instance", "game.n_critic=2", "network.width=4", "metrics=[]", "logger=none"))
    params = {player: tensors(network)[0] for player, network in components.networks.items()}
    sampler = BatchSampler(components.dataset, components.sampling, 16, 3, B, torch.device("cpu"), torch.float64)
    return [sampler.sample(t, params) for t in range(2)]


def test_no_two_draws_are_the_same(drawn):
    """Real examples, latents and noise of both players, of all batches of two iterations."""
    batches = [batch for batches in drawn for batch in (*batches["discriminator"], *batches["generator"])]
    kinds = {
        "latent": [batch.latent for batch in batches],
        "real": [batch.real for batch in batches if batch.real is not None],
        "noise": [eps for batch in batches for eps in (*batch.noise_real, *batch.noise_fake) if eps is not None],
    }
    assert [len(kinds["latent"]), len(kinds["real"]) >= 4, len(kinds["noise"]) >= 10] == [6, True, True]
    for kind, draws in kinds.items():
        for one, other in itertools.combinations(draws, 2):
            assert not torch.equal(one, other), kind


def test_latents_are_those_of_the_player_and_the_update(drawn):
    for t, batches in enumerate(drawn):
        indexed = [("discriminator", 2 * t), ("discriminator", 2 * t + 1), ("generator", t)]
        for (player, index), batch in zip(indexed, (*batches["discriminator"], *batches["generator"])):
            expected = normal_like(generator(3, f"latent/{player}", index), (B, 16), torch.float64)
            assert torch.equal(batch.latent, expected)
