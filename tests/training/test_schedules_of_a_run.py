"""What a run makes of schedules and ratios that its config asks for, read off its states."""

import math

import pytest
import torch

from steadygan.config.node import PLAYERS


def flat(gan, player):
    return torch.cat([value.flatten() for value in gan.state.of(player).params.values()])


def test_each_player_has_a_schedule_of_its_own(fresh):
    """Gradient descent: the way of a move over its gradient is the learning rate."""
    rules = [f"optimizer@optimizer.{player}=sgd" for player in PLAYERS]
    gan = fresh(
        *rules,
        "+schedule@optimizer.generator.lr=linear",
        *["optimizer.generator.lr.start=0.4", "optimizer.generator.lr.end=0.1", "optimizer.generator.lr.begin=2"],
        *["optimizer.generator.lr.finish=5", "+schedule@optimizer.discriminator.lr=step"],
        *["optimizer.discriminator.lr.start=0.2", "optimizer.discriminator.lr.end=0.6"],
        "optimizer.discriminator.lr.begin=3",
    )
    rates = {player: [] for player in PLAYERS}
    for iteration in range(7):
        before = {player: flat(gan, player) for player in PLAYERS}
        gan.advance(iteration)
        for player in PLAYERS:
            gradient = torch.cat([value.flatten() for value in gan.state.last[player].values()])
            rates[player].append(((before[player] - flat(gan, player)).norm() / gradient.norm()).item())
    assert rates["generator"] == pytest.approx([0.4, 0.4, 0.4, 0.3, 0.2, 0.1, 0.1])
    assert rates["discriminator"] == pytest.approx([0.2, 0.2, 0.2, 0.6, 0.6, 0.6, 0.6])


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("linear", [0, 0, 0, 0.125, 0.25, 0.375, 0.5, 0.5]),
        ("step", [0, 0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]),
        ("smoothstep", [0, 0, 0, 0.5 * (3 / 16 - 2 / 64), 0.25, 0.5 * (27 / 16 - 54 / 64), 0.5, 0.5]),
    ],
)
@pytest.mark.parametrize("loss", ["lsgan", "wasserstein"])
def test_alpha_is_zero_until_its_start_and_then_rises(fresh, loss, shape, expected):
    """Pani, section 4.2: each shape, for both losses, off a run with alpha held at what the schedule should say."""
    times = ["loss.alpha.end=0.5", "loss.alpha.begin=2", "loss.alpha.finish=6"]
    gan = fresh(f"loss={loss}", f"+schedule@loss.alpha={shape}", *times)
    for iteration, alpha in enumerate(expected):
        fixed = fresh(f"loss={loss}", f"loss.alpha={alpha}")
        fixed.state = gan.state
        for one in (fixed, gan):
            one.window.reset()
            one.advance(iteration)
        found, held = (one.window.means()["loss/discriminator"] for one in (gan, fixed))
        assert found == pytest.approx(held, rel=1e-12), iteration


@pytest.mark.parametrize(("n_critic", "critic_every"), [(2, 3), (1, 2), (3, 2), (4, 1)])
def test_moves_in_any_ratio(fresh, n_critic, critic_every):
    """Counted by Adam, which keeps beta1 to the power of its steps."""
    gan = fresh("game=ratio", f"game.n_critic={n_critic}", f"game.critic_every={critic_every}")
    for iteration in range(6):
        gan.advance(iteration)
    steps = {player: math.log(gan.state.of(player).rule["power1"]) / math.log(0.5) for player in PLAYERS}
    moves = {"generator": 6, "discriminator": n_critic * len(range(0, 6, critic_every))}
    assert steps == pytest.approx(moves)
