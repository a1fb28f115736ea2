"""Whether the jobs of a sweep will measure what its threshold asks for."""

from collections.abc import Iterable, Mapping
from typing import Any

from steadygan.errors import bad_value
from steadygan.targets import metric_nodes, resolve
from steadygan.threshold import KEY, Bound


def check(bounds: Iterable[Bound], configs: Iterable[Mapping[str, Any]]) -> None:
    """Before anything is trained.

    Raises:
        UserError: a job does not measure a metric that has a bound, or a percentage is asked of a metric of which
            less is better and which so has no largest value.
    """
    bounds = list(bounds)
    known: dict[frozenset[str], dict[str, str]] = {}
    for config in configs if bounds else ():
        targets = frozenset(str(node["_target_"]) for node in metric_nodes(config["metrics"]).values())
        if targets not in known:
            known[targets] = {n: way for target in targets for n, way in resolve(target).directions.items()}
            for bound in bounds:
                check_bound(bound, known[targets], KEY)


def check_bound(bound: Bound, directions: Mapping[str, str], key: str) -> None:
    """Of metrics with these directions; ``key`` is where the bound is stated.

    Raises:
        UserError: as ``check``.
    """
    if bound.metric not in directions:
        raise bad_value(key, bound.metric, "the runs do not measure this metric; see metrics=", directions)
    if bound.percent and directions[bound.metric] != "max":
        raise bad_value(
            f"{key}.{bound.metric}",
            f"{bound.value:g} %",
            "less is better here and there is no largest value; give a number",
        )
