"""What penalties and noise keep between updates: started, averaged, saved, and put back where D does not move."""

import pytest
import torch

from steadygan.runs import checkpoint
from tiny import advance

LECAM = ["regularizer=[lecam]"]
ADA = [
    *["dataset=digits", "noise=ada", "noise.interval=2", "noise.horizon=60"],
    *["noise.target=0.1", "noise.start=0.3"],
]


@pytest.mark.parametrize("given", [LECAM, ADA], ids=["lecam", "ada"])
def test_it_goes_on_with_the_same_bits(fresh, tmp_path, given):
    whole = advance(fresh(*given), 9)
    checkpoint.save(tmp_path / "half.ckpt", advance(fresh(*given), 5), "signature", 0.0)
    saved = checkpoint.load(tmp_path / "half.ckpt")
    resumed, forgetful = fresh(*given), fresh(*given)
    at_first = forgetful.state.aux_state
    for gan in (resumed, forgetful):
        checkpoint.restore(gan, saved)
    forgetful.state = forgetful.state._replace(aux_state=at_first)
    same, other = (advance(gan, 9).state_dict() for gan in (resumed, forgetful))
    assert all(torch.equal(value, same[name]) for name, value in whole.state_dict().items())
    assert any(not torch.equal(value, other[name]) for name, value in whole.state_dict().items())


def test_a_checkpoint_with_the_names_of_old_is_read(fresh, tmp_path):
    """As the first versions wrote it: ``kept`` for the state of penalties, ``there`` for the mask of the snapshots."""
    given = [*LECAM, "discriminator.snapshots=2", "discriminator.every=2"]
    whole = advance(fresh(*given), 7)
    checkpoint.save(tmp_path / "half.ckpt", advance(fresh(*given), 4), "signature", 0.0)
    raw = torch.load(tmp_path / "half.ckpt", weights_only=True)
    raw["more"]["kept"] = raw["more"].pop("aux_state")
    raw["more"]["snapshots"]["there"] = raw["more"]["snapshots"].pop("active")
    torch.save(raw, tmp_path / "old.ckpt")
    resumed = fresh(*given)
    checkpoint.restore(resumed, checkpoint.load(tmp_path / "old.ckpt"))
    assert resumed.state.aux_state.keys() == whole.state.aux_state.keys()
    ours, theirs = (advance(gan, 7).state_dict() for gan in (whole, resumed))
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())


def test_lecams_averages_are_those_of_the_logits_that_are_logged(fresh):
    gan = fresh(*LECAM, "regularizer.lecam.decay=0.8")
    averages, share = {"real": 0.0, "fake": 0.0}, 0.0
    for iteration in range(6):
        gan.window.reset()
        gan.advance(iteration)
        logs, share = gan.window.means(), 0.8 * share + 0.2
        for side in averages:
            averages[side] = 0.8 * averages[side] + 0.2 * logs[f"logits/{side}"]
            assert logs[f"regularizer/lecam/{side}"] == pytest.approx(averages[side] / share, rel=1e-10)
        assert (logs["penalty/lecam"] > 0) == (iteration > 0)


def test_it_changes_with_each_turn_of_the_discriminator_and_not_with_the_generators(fresh):
    several = advance(fresh(*LECAM, "game.n_critic=3"), 2)
    assert several.state.aux_state["regularizer.lecam"]["share"].item() == pytest.approx(1 - 0.99**6)
    seldom = advance(fresh(*LECAM, "game=ratio", "game.critic_every=3"), 5)
    assert seldom.state.aux_state["regularizer.lecam"]["share"].item() == pytest.approx(1 - 0.99**2)


def test_the_probability_that_is_logged_is_the_one_that_is_kept(fresh):
    gan = advance(fresh(*ADA), 1)
    assert gan.window.means()["noise/probability"] == pytest.approx(0.3)
    advance(gan, 2)
    step = 2 * 6 / 60
    assert gan.state.aux_state["noise"]["probability"].item() in [pytest.approx(0.3 + way * step) for way in (-1, 0, 1)]


def test_without_such_a_method_nothing_is_kept(fresh):
    assert not fresh("regularizer=[r1]", "noise=instance").state.aux_state
