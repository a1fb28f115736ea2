import math
from functools import partial

import pytest

from steadygan.core import declare as d


@pytest.mark.parametrize(
    ("allowed", "good", "bad"),
    [
        (d.finite, [0, -3.5, 1e300], [math.nan, math.inf, -math.inf]),
        (d.nonnegative, [0, 1e-300, 5], [-1e-300, -1, math.nan, math.inf]),
        (d.positive, [1e-300, 5], [0, -1, math.nan]),
        (d.fraction, [0, 0.5, 1], [-0.1, 1.1, math.nan]),
        (d.decay, [0, 0.999], [1, -0.1, math.nan]),
        (d.count, [1, 2, 1.0], [0, -1, 1.5, math.nan, math.inf]),
    ],
)
def test_ranges(allowed, good, bad):
    assert all(value in allowed for value in good)
    assert not any(value in allowed for value in bad)


def test_declarations_are_found_on_functions_partials_classes_and_classmethods():
    @d.declare(gamma=d.positive, projection=True)
    def method(x, *, gamma):
        return x

    @d.declare(lr=d.positive)
    class Rule:
        @classmethod
        def optimizer(cls):
            return cls()

    assert d.declared(method, "ranges") == {"gamma": d.positive}
    assert d.declared(partial(partial(method, 1), gamma=2), "projection") is True
    assert d.declared(Rule.optimizer, "ranges") == d.declared(Rule(), "ranges") == {"lr": d.positive}
    assert d.declared(print, "ranges", "nothing") == "nothing"
