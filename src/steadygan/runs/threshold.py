"""The success criterion of a run: bounds on its final metrics, as a sweep file states them.

``hydra.sweeper.threshold: {modes: 90 %, high_quality: 0.8}``: a run meets it that ends with at least 90 % of the modes
that there are and at least 80 % samples of high quality. Metrics of which less is better have to stay at or below
their bound. The bounds say nothing about training, so they are no part of a run's config or signature.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from steadygan.common.errors import bad_value

KEY = "hydra.sweeper.threshold"
OF_RUN = "thresholds"
"""The key of the bounds of a single run, for which ``summary.json`` says when they were first met."""

_FORM = "must be a number, or for a metric that has a largest value a percentage of it such as '90 %'"


@dataclass(frozen=True)
class Bound:
    """A bound on one metric: ``value``, or ``value`` percent of the largest that the metric can be."""

    metric: str
    value: float
    percent: bool = False

    def limit(self, most: float | None) -> float | None:
        """Return the bound in units of the metric; None for a percentage of nobody knows what."""
        if not self.percent:
            return self.value
        return None if most is None else self.value * most / 100

    def words(self, direction: str | None) -> str:
        """Return ``modes ≥ 90 %``, or ``kl ≤ 0.1``; ``kl: 0.1`` where it is not known which way is better.

        Of what has a largest value, more is better.
        """
        sign = {"max": " ≥", "min": " ≤"}.get(direction or ("max" if self.percent else ""), ":")
        return f"{self.metric}{sign} {self.value:g}{' %' if self.percent else ''}"


def parse(stated: object, key: str = KEY) -> tuple[Bound, ...]:
    """Return the bounds in the order given under ``key``; none for None or an empty mapping."""
    if not stated:
        return ()
    if not isinstance(stated, Mapping):
        raise bad_value(key, stated, "must map metrics to bounds, such as {modes: 90 %, high_quality: 0.8}")
    return tuple(_bound(key, str(metric), value) for metric, value in stated.items())


def _bound(key: str, metric: str, value: object) -> Bound:
    match = re.fullmatch(r"\s*([-+.\deE]+)\s*(%?)\s*", str(value))
    try:
        number = float(match.group(1)) if match and not isinstance(value, bool) else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise bad_value(f"{key}.{metric}", value, _FORM)
    percent = match is not None and match.group(2) == "%"
    if percent and not 0 < number <= 100:
        raise bad_value(f"{key}.{metric}", value, "a percentage must be greater than 0 and at most 100")
    return Bound(metric, number, percent)
