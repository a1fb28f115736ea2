"""The stages of a tuned comparison, and which settings go on from one to the next."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from steadygan.common.errors import UserError
from steadygan.sweeps.tuned.selection import best, mean_ranks
from steadygan.sweeps.tuned.stages import stages

STATED = {
    "search": {"seed": "range(0,2)"},
    "selection": {"best": 6, "seed": "range(100,104)"},
    "final": {"seed": "range(1000,1030)", "factor": 2},
    "published": {"seed": "1000,1001"},
}


def test_stages_are_read():
    read = stages(STATED, 32)
    assert read["search"] == ((0, 1), 1, 1)
    assert read["selection"] == ((100, 101, 102, 103), 6, 1)
    assert read["final"].factor == 2
    assert len(read["final"].seeds) == 30
    assert read["published"].seeds == (1000, 1001)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pilot": {"seed": 0}}, "stages=pilot: no such stage"),
        ({"search": {}}, r"search\.seed=None"),
        ({"search": {"seed": "a"}}, r"search\.seed=a"),
        ({"search": {"seed": "range(2,2)"}}, "there is no seed|must be whole numbers"),
        ({"search": None}, "must state at least `seed`"),
        ({"selection": {"best": 0, "seed": 5}}, r"selection\.best=0"),
        ({"selection": {"best": 33, "seed": 5}}, "only 32 trials"),
        ({"selection": {"best": 3, "seed": 1}}, r"selection\.seed=1: must be none of those of the stage search"),
        ({"final": {"seed": "100,2000"}}, r"final\.seed=100: .*selection"),
        ({"final": {"seeds": 3}}, "no such key"),
    ],
)
def test_stages_that_cannot_be_are_refused(change, message):
    with pytest.raises(UserError, match=message):
        stages({**STATED, **change}, 32)


def test_the_best_mean_rank_goes_on():
    scores = np.array([[3.0, 1.0], [1.0, 2.0], [2.0, 9.0], [np.inf, np.inf], [np.nan, 3.0]])
    np.testing.assert_allclose(
        mean_ranks(scores), [(3 + 1) / 2, (1 + 2) / 2, (2 + 4) / 2, (4.5 + 5) / 2, (4.5 + 3) / 2]
    )
    assert best(scores, 3) == [1, 0, 2]


def test_settings_of_one_rank_stand_by_their_medians_and_then_as_they_came():
    assert best(np.array([[2.0, 1.0], [1.0, 1.5]]), 2) == [1, 0]
    assert best(np.full((3, 2), np.inf), 2) == [0, 1]


@given(
    st.lists(st.lists(st.one_of(st.integers(0, 5), st.just(np.inf)), min_size=3, max_size=3), min_size=2, max_size=8)
)
def test_ranks_are_those_of_friedman(rows):
    scores = np.array(rows, dtype=float)
    expected = np.mean([stats.rankdata(column, method="average") for column in scores.T], axis=0)
    np.testing.assert_allclose(mean_ranks(scores), expected)
