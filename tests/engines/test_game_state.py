"""What a game keeps between iterations: saved, stacked, and there again."""

import pytest
import torch

from steadygan.config.build import build
from steadygan.runs import checkpoint
from steadygan.training.module import GANModule

TINY = ["logger=none", "metrics=[]", "network.width=6", "network.latent=3", "batch_size=5", "trainer.precision=64"]


def fresh(plain, *overrides):
    config = plain(*TINY, *overrides)
    gan = GANModule(build(config), config["seed"], config["batch_size"], torch.float64)
    gan.to_device(torch.device("cpu"))
    return gan


def train(gan, until):
    for iteration in range(gan.iteration, until):
        gan.training_step(iteration, 0)
    return gan


@pytest.mark.parametrize("update", ["simultaneous", "alternating"])
def test_optimistic_goes_on_with_the_same_bits(plain, tmp_path, update):
    given = ["game=optimistic", f"game.update={update}"]
    whole = train(fresh(plain, *given), 9)
    checkpoint.save(tmp_path / "half.ckpt", train(fresh(plain, *given), 4), "signature", 0.0)
    saved = checkpoint.load(tmp_path / "half.ckpt")
    resumed = fresh(plain, *given)
    checkpoint.restore(resumed, saved)
    kept = resumed.state["game"]["generator"]
    assert max(float(value.abs().max()) for value in kept.values()) > 1e-6
    train(resumed, 9)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name

    forgetful = fresh(plain, *given)
    empty = forgetful.state["game"]
    checkpoint.restore(forgetful, saved)
    forgetful.state["game"] = empty
    train(forgetful, 9)
    assert any(not torch.equal(value, forgetful.state_dict()[name]) for name, value in whole.state_dict().items())


def test_what_a_game_has_drawn(plain):
    assert fresh(plain, "game=unrolled", "game.steps=3", "game.n_critic=2").components.sampling.n_critic == 5
    assert (
        fresh(plain, "game=consensus", "game.update=alternating", "game.n_critic=2").components.sampling.n_critic == 2
    )
    assert "game" not in fresh(plain).state


def test_a_number_of_a_game_is_a_number_and_its_counts_are_not(plain):
    algorithm = fresh(plain, "game=consensus").components.algorithm
    assert algorithm.hyperparameters()["game"] == {"gamma": 1.0}
    assert fresh(plain, "game=unrolled").components.algorithm.hyperparameters()["game"] == {}
    assert algorithm.with_hyperparameters({"game": {"gamma": 3.0}}).game.gamma == 3.0


def test_members_of_one_program_may_differ_in_consensus(plain):
    from steadygan.sweeps.grouping import static

    config = [plain(*TINY, "game=consensus", f"game.gamma={gamma}") for gamma in (1, 2)]
    assert static(config[0]) == static(config[1])
    other = [plain(*TINY, "game=unrolled", f"game.steps={steps}") for steps in (1, 2)]
    assert static(other[0]) != static(other[1])
