"""The sweeper gives the jobs that Hydra's basic sweeper gives."""

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from hydra_plugins.steadygan.grid import combinations
from hydra_plugins.steadygan.local import swept


def parse(*texts):
    return OverridesParser.create().parse_overrides(list(texts))


@pytest.mark.parametrize(
    "texts",
    [
        ["seed=range(0,3)", "loss=a,b", "rate=0.1"],
        ["seed=1,2", "seed=3"],
        ["regularizer=[],[r1],[r1,r2]", "+new=1,2", "optimizer@optimizer.generator=adam,sgd"],
        ["~loss", "name='a b',c", "x=choice(1,true)", "y='it\\'s, here'"],
        [],
    ],
)
def test_combinations_are_hydras(texts):
    assert combinations(parse(*texts)) == BasicSweeper.split_arguments(parse(*texts), None)[0]


def test_no_grid_without_a_list():
    with pytest.raises(HydraException, match=r"seed=interval\(0, ?1\)"):
        combinations(parse("seed=interval(0,1)"))


def test_swept_are_the_keys_that_differ_with_their_values():
    jobs = combinations(parse("seed=range(0,2)", "regularizer=[],[r1]", "+a.b=null,1e-3", "name=x", "iterations=5"))
    assert swept(jobs) == {"seed": [0, 1], "regularizer": [[], ["r1"]], "a.b": [None, 0.001]}
