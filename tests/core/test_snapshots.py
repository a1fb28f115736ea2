"""Snapshots of the discriminator against a list that is kept by hand."""

import pytest
import torch

from steadygan.core.snapshots import Snapshots
from steadygan.core.state import PlayerState


def discriminators(t, members):
    """Members whose tensors say when and whose they are."""
    value = torch.arange(members, dtype=torch.float64) + 10 * t
    return PlayerState({"w": value[:, None].repeat(1, 2)}, {"b": -value}, {})


@pytest.mark.parametrize(("count", "every", "members"), [(3, 2, 1), (2, 3, 2), (1, 1, 1)])
@pytest.mark.parametrize("as_tensor", [False, True])
def test_the_last_ones_are_kept(count, every, members, as_tensor):
    snapshots = Snapshots(count, every)
    first = discriminators(0, members)
    state, by_hand = snapshots.init(first.params, first.buffers), []
    for t in range(17):
        own = discriminators(t + 1, members)
        state = snapshots.update(state, own, torch.tensor(t) if as_tensor else t)
        if (t + 1) % every == 0:
            by_hand = [*by_hand, own][-count:]
        stack = snapshots.discriminators(state, own)
        found = {tuple(row.tolist()) for row, active in zip(stack.params["w"], stack.active) if active}
        expected = {tuple(row.tolist()) for one in (own, *by_hand) for row in one.params["w"]}
        assert found == expected
        assert int(stack.active.sum()) == members * (1 + len(by_hand))
        torch.testing.assert_close(stack.buffers["b"], -stack.params["w"][:, 0])
