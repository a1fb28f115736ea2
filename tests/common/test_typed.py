"""Numbers of a config as the types that are meant, however they are written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadygan.common.errors import UserError
from steadygan.common.ranges import Count, at_least, count, fraction, nonnegative, positive
from steadygan.common.typed import Misfit, check, check_all, check_fields, hints, range_of, read


@given(number=st.integers(-(2**70), 2**70))
def test_a_whole_number_is_one_however_it_is_written(number):
    forms = [number, str(number), f"{number}e0" if abs(number) < 2**53 else str(number), f" {number} "]
    assert [read(form, int) for form in forms] == [number] * 4
    if abs(number) < 2**53:
        assert type(read(float(number), int)) is int
        assert read(float(number), int) == number


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        ("1e3", int, 1000),
        ("1e3", float, 1000.0),
        ("1e-3", float, 0.001),
        (1e1, int | None, 10),
        (None, int | None, None),
        ("auto", int | str, "auto"),
        (2.0, int | str, 2),
        (2.5, int | str, 2.5),
        ([1.0, "2e0"], int | Sequence[int], [1, 2]),
        ("true", bool, True),
        (1.0, float, 1.0),
        ("1e3", str, "1e3"),
        (["1e3"], Sequence[str], ["1e3"]),
        ({"_target_": "a.b"}, int, {"_target_": "a.b"}),
        ("x", Callable[[int], int], "x"),
    ],
)
def test_read(value, hint, expected):
    found = read(value, hint)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("value", "hint", "words"),
    [
        ("abc", int, "a whole number"),
        (1.5, int, "a whole number"),
        ("nan", int, "a whole number"),
        (float("inf"), int, "a whole number"),
        (True, int, "a whole number"),
        (False, float, "a number"),
        (None, int, "a whole number"),
        ([1], int, "a whole number"),
        ([1, "x"], int | Sequence[int], "a whole number"),
        (0.5, int | None, "a whole number or null"),
        ("yes", bool, "true or false"),
        (1, bool, "true or false"),
        ("no", bool | None, "true or false or null"),
    ],
)
def test_misfits(value, hint, words):
    with pytest.raises(Misfit, match=f"^must be {words}$"):
        read(value, hint)


def test_hints_of_what_a_config_may_name():
    class Ready:
        def __init__(
            self,
            size: int,
            word: str = "a",
            share: float = None,  # noqa: RUF013 as others write it
            *,
            switch: bool = "auto",
            flip: bool = False,
            **more: int,
        ):
            pass

    @dataclass
    class Rule:
        count: int = 1

        @classmethod
        def optimizer(cls, params, *, seed: int = 0, **numbers: float):
            return cls(**numbers)

    made = check_all({"size": 2.0, "share": None, "switch": "auto", "unknown": 1.0}, hints(Ready))
    assert made == {"size": 2, "share": None, "switch": "auto", "unknown": 1.0}
    assert type(made["size"]) is int
    assert check_all({"count": "1e1", "seed": 3.0}, hints(Rule.optimizer)) == {"count": 10, "seed": 3}
    assert hints(lambda x: x) == hints(print) == {}
    with pytest.raises(UserError, match=r"node.size=x: must be a whole number\nnode.flip=2: must be true or false"):
        check_all({"size": "x", "flip": 2}, hints(Ready), "node.")


@dataclass(frozen=True)
class Numbers:
    lr: Annotated[float, positive] = 1e-3
    count: Count = 1
    nodes: Annotated[int | Literal["auto"], at_least(2)] = "auto"
    share: Annotated[float | None, fraction] = None
    slack: float = 0.0

    def __post_init__(self):
        check_fields(self, "numbers.")


def test_fields_are_read_as_their_annotations():
    made = Numbers(lr="1e-2", count=3.0, nodes="4", share=1, slack="-0.5")
    assert (made.lr, made.count, made.nodes, made.share, made.slack) == (0.01, 3, 4, 1, -0.5)
    assert type(made.count) is type(made.nodes) is int
    assert Numbers(nodes="auto") == Numbers()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"lr": 0}, "lr=0: must be finite and greater than 0"),
        ({"lr": "x"}, r"lr=x: must be a number \(must be finite and greater than 0\)"),
        ({"lr": float("inf")}, "lr=inf: must be finite and greater than 0"),
        ({"count": 0}, "count=0: must be a whole number of at least 1"),
        ({"count": 1.5}, "count=1.5: must be a whole number of at least 1"),
        ({"count": True}, "count=True: must be a whole number of at least 1"),
        ({"nodes": "some"}, "nodes=some: must be a whole number of at least 2 or auto"),
        ({"nodes": 1}, "nodes=1: must be a whole number of at least 2 or auto"),
        ({"share": 2}, "share=2: must be between 0 and 1 or null"),
        ({"slack": float("nan")}, "slack=nan: must be finite"),
        ({"count": 0, "lr": -1}, "lr=-1: .*\nnumbers.count=0: .*"),
    ],
)
def test_fields_out_of_range(given, words):
    with pytest.raises(UserError, match=f"^numbers.{words}$"):
        Numbers(**given)


def test_arguments_are_checked_by_their_annotations():
    def scaled(x, /, by: Annotated[float, nonnegative] = 1.0, *, times: Count = 1):
        return x * by * times

    assert scaled(2.0, **check_all({"by": "3", "times": 2.0}, hints(scaled))) == 12.0
    assert range_of(hints(scaled)["times"]) == count
    with pytest.raises(UserError, match=r"^numbers.by=-1: must be finite and not negative$"):
        check_all({"by": -1}, hints(scaled), "numbers.")
    with pytest.raises(UserError, match=r"^noise.radius=-1: must be a whole number of at least 0$"):
        check("noise.radius", -1, Annotated[int, at_least(0)])
