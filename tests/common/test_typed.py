"""Numbers of a config as the types that are meant, however they are written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadygan.common.errors import UserError
from steadygan.common.typed import Misfit, arguments, hints, read


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

    made = arguments(Ready, {"size": 2.0, "share": None, "switch": "auto", "unknown": 1.0}, "node")
    assert made == {"size": 2, "share": None, "switch": "auto", "unknown": 1.0}
    assert type(made["size"]) is int
    assert arguments(Rule.optimizer, {"count": "1e1", "seed": 3.0}, "node") == {"count": 10, "seed": 3}
    assert hints(lambda x: x) == hints(print) == {}
    with pytest.raises(UserError, match=r"node.size=x: must be a whole number\nnode.flip=2: must be true or false"):
        arguments(Ready, {"size": "x", "flip": 2}, "node")
