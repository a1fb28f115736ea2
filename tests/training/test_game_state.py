"""What a game keeps between iterations: saved, stacked, and there again."""

import pytest
import torch

from steadygan.runs import checkpoint
from tiny import advance


@pytest.mark.parametrize("update", ["simultaneous", "alternating"])
def test_optimistic_goes_on_with_the_same_bits(fresh, tmp_path, update):
    given = ["game=optimistic", f"game.update={update}"]
    whole = advance(fresh(*given), 9)
    checkpoint.save(tmp_path / "half.ckpt", advance(fresh(*given), 4), "signature", 0.0)
    saved = checkpoint.load(tmp_path / "half.ckpt")
    resumed = fresh(*given)
    checkpoint.restore(resumed, saved)
    kept = resumed.state.game["generator"]
    assert max(float(value.abs().max()) for value in kept.values()) > 1e-6
    advance(resumed, 9)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name

    forgetful = fresh(*given)
    empty = forgetful.state.game
    checkpoint.restore(forgetful, saved)
    forgetful.state = forgetful.state._replace(game=empty)
    advance(forgetful, 9)
    assert any(not torch.equal(value, forgetful.state_dict()[name]) for name, value in whole.state_dict().items())


def test_what_a_game_has_drawn(fresh):
    assert fresh("game=unrolled", "game.steps=3", "game.n_critic=2").components.sampling.n_critic == 5
    assert fresh("game=consensus", "game.update=alternating", "game.n_critic=2").components.sampling.n_critic == 2
    assert not fresh().state.game


def test_a_number_of_a_game_is_a_number_and_its_counts_are_not(fresh):
    algorithm = fresh("game=consensus").components.algorithm
    assert algorithm.hyperparameters()["game"] == {"gamma": 1.0}
    assert fresh("game=unrolled").components.algorithm.hyperparameters()["game"] == {}
    assert algorithm.with_hyperparameters({"game": {"gamma": 3.0}}).game.gamma == 3.0


def test_members_of_one_program_may_differ_in_consensus(config):
    from steadygan.sweeps.grouping import static

    configs = [config("game=consensus", f"game.gamma={gamma}") for gamma in (1, 2)]
    assert static(configs[0]) == static(configs[1])
    other = [config("game=unrolled", f"game.steps={steps}") for steps in (1, 2)]
    assert static(other[0]) != static(other[1])
