"""Which draws a turn holds: each of a stream and an index of its own."""

import itertools

import pytest
import torch

from steadygan.build import build
from steadygan.core.draws import generator, normal_like
from steadygan.engines.dealer import Dealer
from steadygan.engines.functional import tensors

B = 5


@pytest.fixture(scope="module")
def dealt(plain):
    parts = build(plain("noise=instance", "game.n_critic=2", "network.width=4", "metrics=[]", "logger=none"))
    params = {player: tensors(network)[0] for player, network in parts.networks.items()}
    dealer = Dealer(parts.dataset, parts.wants, 16, 3, B, torch.device("cpu"), torch.float64)
    return [dealer.deal(t, params) for t in range(2)]


def test_no_two_draws_are_the_same(dealt):
    """Real examples, latents and noise of both players, of all turns of two iterations."""
    turns = [turn for turns in dealt for turn in (*turns["discriminator"], *turns["generator"])]
    kinds = {
        "latent": [turn.latent for turn in turns],
        "real": [turn.real for turn in turns if turn.real is not None],
        "noise": [eps for turn in turns for eps in (*turn.noise_real, *turn.noise_fake) if eps is not None],
    }
    assert [len(kinds["latent"]), len(kinds["real"]) >= 4, len(kinds["noise"]) >= 10] == [6, True, True]
    for kind, draws in kinds.items():
        for one, other in itertools.combinations(draws, 2):
            assert not torch.equal(one, other), kind


def test_latents_are_those_of_the_player_and_the_turn(dealt):
    for t, turns in enumerate(dealt):
        indexed = [("discriminator", 2 * t), ("discriminator", 2 * t + 1), ("generator", t)]
        for (player, index), turn in zip(indexed, (*turns["discriminator"], *turns["generator"])):
            expected = normal_like(generator(3, f"latent/{player}", index), (B, 16), torch.float64)
            assert torch.equal(turn.latent, expected)
