"""Trials are those of Optuna and of scipy, with numbers that people can say again."""

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from scipy.stats import qmc

from steadygan.common.errors import UserError
from steadygan.sweeps.search.sampling import text, trials

SPACE = {
    "rate": FloatDistribution(1e-4, 3e-2, log=True),
    "share": FloatDistribution(0.0, 0.9),
    "beta": CategoricalDistribution(("0", "0.5", "0.9")),
}


def test_sobol_points_are_scipys():
    points = qmc.Sobol(3, seed=7, scramble=True).random(16)
    drawn = trials(SPACE, 16, "sobol", 7)
    rates = 1e-4 * (3e-2 / 1e-4) ** points[:, 0]
    np.testing.assert_allclose([float(each["rate"]) for each in drawn], rates, rtol=1e-3)
    np.testing.assert_allclose([float(each["share"]) for each in drawn], 0.9 * points[:, 1], rtol=1e-3)
    assert [each["beta"] for each in drawn] == [("0", "0.5", "0.9")[int(3 * place)] for place in points[:, 2]]


def test_random_trials_are_optunas():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
    theirs = [study.ask(SPACE).params for _ in range(5)]
    ours = trials(SPACE, 5, "random", 3)
    assert [each["beta"] for each in ours] == [each["beta"] for each in theirs]
    np.testing.assert_allclose([float(each["rate"]) for each in ours], [each["rate"] for each in theirs], rtol=1e-3)


@pytest.mark.parametrize("sampler", ["sobol", "random"])
def test_more_trials_begin_with_the_same_ones(sampler):
    more = trials(SPACE, 13, sampler, 0)
    assert more[:5] == trials(SPACE, 5, sampler, 0)
    assert len({str(each) for each in more}) == 13
    assert more != trials(SPACE, 13, sampler, 1)


def test_all_spaces_with_the_same_dimensions_get_the_same_points():
    other = {"size": IntDistribution(0, 999), **{key: SPACE[key] for key in ("share", "beta")}}
    shares = [[each["share"] for each in trials(space, 8, "sobol", 0)] for space in (SPACE, other)]
    assert shares[0] == shares[1]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.00031622776, "0.0003162"), (0.02999999, "0.03"), (0.5, "0.5"), (1.23456e-5, "1.235e-05")],
)
def test_numbers_have_four_significant_digits(value, expected):
    assert text(value, FloatDistribution(0.0, 0.9)) == expected


def test_no_number_leaves_its_range():
    narrow = FloatDistribution(0.100049, 0.10006)
    assert float(text(0.100051, narrow)) == 0.10006 or narrow.low <= float(text(0.100051, narrow)) <= narrow.high


def test_an_unknown_sampler_is_refused():
    with pytest.raises(UserError, match=r"hydra\.sweeper\.sampler=halton"):
        trials(SPACE, 2, "halton", 0)
