"""Values as overrides say them."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from steadygan.sweeps.overrides import lacking, literal, same, still

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=["Cs", "Cc"]))
)


@given(st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=5))
@example("null")
@example("1e-3")
@example("it's")
@example("back\\")
@example("a\\'b")
@example("NaN")
@example("~/data=x, y")
@example("")
@example(" ")
def test_hydra_reads_back_what_is_said(value):
    (override,) = OverridesParser.create().parse_overrides([f"key={literal(value)}"])
    assert not override.is_sweep_override()
    assert same(override.value(), value)


def test_same():
    assert same(1, 1.0)
    assert same(float("nan"), float("nan"))
    assert same([1, {"a": None}], [1.0, {"a": None}])
    assert not same(1, True)
    assert not same("1", 1)
    assert not same(0, None)
    assert not same({"a": 1}, {"a": 1, "b": 2})


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"a": 1, "b": {"c": 2, "d": "${a}"}}, ["a=1", "b.c=2"]),
        ({"a": 0, "b": {"c": 0, "d": 5}}, ["b.d=5"]),
        ({"a": 7, "b": {"c": 0, "d": 7}}, ["a=7"]),  # the interpolation gives 7 as well
        ({"a": 0, "b": {"c": 0, "d": "${b.c}"}}, ["b.d='${b.c}'"]),
        ({"b": {"c": 0, "d": 0}, "new": {"x": [1, {"y": "z"}]}}, ["~a", "++new.x=[1,{y:z}]", "b.d=0"]),
        ({"a": 0, "b": 3}, ["b=3"]),
        ({"a": {"x": 1}, "b": {"c": 0, "d": {"x": 1}}}, ["++a.x=1"]),
    ],
)
def test_what_a_config_lacks(target, said):
    base = OmegaConf.create({"a": 0, "b": {"c": 0, "d": "${a}"}})
    assert lacking(base, target) == said


def test_what_was_said_stays_as_it_was_written():
    config = {"a": 0.001, "b": {"c": 0.001}, "d": 1}
    texts = ["a=1e-3", "b.c='${a}'", "d=2", "+d=1", "~a", "e=1", "seed=1,2"]
    assert still(texts, config) == ["a=1e-3", "b.c='${a}'", "+d=1"]
