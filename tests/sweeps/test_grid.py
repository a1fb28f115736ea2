"""The sweeper gives the jobs that Hydra's basic sweeper gives."""

import re
from types import SimpleNamespace

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf

from hydra_plugins.steadygan.grid import GridSweeper, combinations
from hydra_plugins.steadygan.local import swept


def parse(*texts):
    return OverridesParser.create().parse_overrides(list(texts))


@pytest.mark.parametrize(
    "texts",
    [
        ["seed=range(0,3)", "loss=a,b", "rate=0.1"],
        ["seed=1,2", "seed=3"],
        ["regularizer=[],[r1],[r1,r2]", "+new=1,2", "optimizer@optimizer.generator=adam,sgd"],
        ["name='a b',c", "x=choice(1,true)", "y='it\\'s, here'"],
        [],
    ],
)
def test_combinations_are_hydras(texts):
    assert combinations(parse(*texts)) == BasicSweeper.split_arguments(parse(*texts), None)[0]


@pytest.mark.parametrize(
    ("texts", "jobs"),
    [
        (["seed=0,1", "++seed=7"], [["++seed=7"]]),
        (["width=4", "++width=8", "width=6"], [["++width=6"]]),
        (["+new=1,2", "new=3"], [["+new=3"]]),
        (["++new=1", "+new=2"], [["++new=1", "+new=2"]]),
        (["a=1", "seed=0,1", "a=2"], [["a=2", "seed=0"], ["a=2", "seed=1"]]),
        (["a=1", "a.b=3", "a=2"], [["a.b=3", "a=2"]]),
        (["a={x:1}", "a={y:2}"], [["a={x:1}", "a={y:2}"]]),
        (["a=1,2", "~a=2", "+a=3"], [["a=1", "~a=2", "+a=3"], ["a=2", "~a=2", "+a=3"]]),
        (["loss@left=a,b", "loss=c"], [["loss@left=a", "loss=c"], ["loss@left=b", "loss=c"]]),
        (["~loss", "~seed=3"], [["~loss", "~seed=3"]]),
    ],
)
def test_the_last_word_on_a_key_counts(texts, jobs):
    assert combinations(parse(*texts)) == jobs


@pytest.mark.parametrize(
    "text",
    ["seed=range(0,0)", "seed=range(3,0)", "seed=range(0,1,-0.5)", "seed=range(0,1e9)", "seed=range(0,10000000)"],
)
def test_no_or_far_too_many_values_are_refused(text):
    with pytest.raises(HydraException, match=re.escape(text)):
        combinations(parse("loss=a,b", text))
    with pytest.raises(HydraException, match="8,000,000 jobs"):
        combinations(parse("a=range(0,200)", "b=range(0,200)", "c=range(0,200)"))


def test_params_of_a_file_mean_what_the_file_says():
    """Not Python's words for it: ``None`` would be a text."""
    made = []
    sweeper = GridSweeper(OmegaConf.create({"a": None, "b": True, "c": [1, None, "x,y"], "d": "1,2", "e": {"f": 1e-7}}))
    sweeper.hydra_context = SimpleNamespace(config_loader=None)
    sweeper.launcher = SimpleNamespace(launch=lambda jobs, initial_job_idx: made.extend(jobs))
    sweeper.sweep(["seed=3"])
    values = [{o.key_or_group: o.value() for o in parse(*job)} for job in made]
    assert values == [
        {"a": None, "b": True, "c": [1, None, "x,y"], "d": d, "e": {"f": 1e-7}, "seed": 3} for d in (1, 2)
    ]


def test_no_grid_without_a_list():
    with pytest.raises(HydraException, match=r"seed=interval\(0, ?1\)"):
        combinations(parse("seed=interval(0,1)"))


def test_swept_are_the_keys_that_differ_with_their_values():
    jobs = combinations(parse("seed=range(0,2)", "regularizer=[],[r1]", "+a.b=null,1e-3", "name=x", "iterations=5"))
    assert swept(jobs) == {"seed": [0, 1], "regularizer": [[], ["r1"]], "a.b": [None, 0.001]}


def test_of_a_key_that_is_said_twice_the_last_word_is_what_is_swept():
    assert swept([["width=4", "++width=8", "seed=0"], ["width=4", "++width=8", "seed=1"]]) == {"seed": [0, 1]}
