"""What a sweep file may say of when a run trains."""

import pytest

from steadygan.common.errors import UserError
from steadygan.runs.threshold import Bound, parse


def test_numbers_and_percentages():
    stated = {"modes": "90 %", "high_quality": 0.8, "kl": "1e-1", "fid": "12.5%"}
    assert parse(stated) == (
        Bound("modes", 90.0, percent=True),
        Bound("high_quality", 0.8),
        Bound("kl", 0.1),
        Bound("fid", 12.5, percent=True),
    )
    assert parse(None) == parse({}) == ()


def test_the_bound_in_units_of_the_metric():
    assert [Bound("modes", 90.0, True).limit(most) for most in (8, 10, 25, None)] == [7.2, 9.0, 22.5, None]
    assert Bound("modes", 7.0).limit(None) == Bound("modes", 7.0).limit(25) == 7.0


def test_words():
    assert Bound("modes", 90.0, True).words("max") == "modes ≥ 90 %"
    assert Bound("kl", 0.1).words("min") == "kl ≤ 0.1"


@pytest.mark.parametrize("value", ["most", "0 %", "101 %", "-5 %", "nan", "1e", True, None, [1], "9 0", "1e999"])
def test_a_bound_that_is_none_is_named(value):
    with pytest.raises(UserError, match=r"hydra\.sweeper\.threshold\.modes="):
        parse({"modes": value})


def test_a_threshold_is_a_mapping():
    with pytest.raises(UserError, match=r"hydra\.sweeper\.threshold=0\.9"):
        parse(0.9)
