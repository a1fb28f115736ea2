"""Which draws a batch holds: each of a stream and an index of its own."""

import itertools

import pytest
import torch

from steadygan.config.building import build
from steadygan.core.draws import generator, normal_like
from steadygan.training.batches import BatchSampler
from steadygan.training.functional import tensors

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


@pytest.mark.parametrize(
    ("game", "seen"),
    [
        (["game.n_critic=3"], [0, 15, 30, 45, 60]),
        (["game=ratio"], [0, 5, 5, 10, 10]),  # it moves in the first and the third of four iterations
        (["game=ratio", "game.n_critic=2", "game.critic_every=3"], [0, 10, 10, 10, 20]),
        (["game=extragradient"], [0, 5, 10, 15, 20]),  # it looks ahead at other examples, and moves once
    ],
)
def test_the_images_that_updates_of_the_discriminator_have_seen(plain, game, seen):
    """By hand, after 0, 1, ... iterations: the axis on which methods with several moves are compared."""
    sampling = build(plain(*game, "network.width=4", "metrics=[]", "logger=none")).sampling
    assert [sampling.images(iterations, B) for iterations in range(5)] == seen


@pytest.mark.parametrize(
    ("game", "begins"),
    [([], [0, 4, 12]), (["game.n_critic=2"], [0, 2, 6]), (["game=ratio"], [0, 8, 24]), (["batch_size=10"], [0, 2, 6])],
)
def test_networks_grow_by_the_images_that_updates_have_seen(plain, game, begins):
    """The first size has 20 images, the second is faded in over 20 and has 20 more."""
    given = ["dataset=digits", "dataset.size=16", "network=progressive", "network.width=2", "batch_size=5"]
    grows = ["scheme=progressive", "scheme.images=20", "scheme.fading=20", "metrics=[]", "logger=none"]
    growth = build(plain(*given, *grows, *game)).algorithm.growth
    assert [growth.begins(stage) for stage in range(3)] == begins
