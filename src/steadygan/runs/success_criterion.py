"""Check that the jobs of a sweep measure the metrics of its success criterion."""

from collections.abc import Iterable, Mapping

from steadygan.common.errors import bad_value
from steadygan.config.node import Config
from steadygan.config.targets import metric_nodes, resolve
from steadygan.runs.threshold import KEY, Bound
from steadygan.training.components import RAW
from steadygan.training.labelling import of_samples


def check(bounds: Iterable[Bound], configs: Iterable[Config]) -> None:
    """Check all bounds before anything is trained.

    Raises:
        UserError: a job does not measure a metric that has a bound, or a percentage is asked of a metric of which
            less is better and which so has no largest value.
    """
    bounds = list(bounds)
    for measured in dict.fromkeys(map(_measured, configs)) if bounds else ():
        for bound in bounds:
            check_bound(bound, _directions(*measured), KEY)


def check_metric(metric: str, configs: Iterable[Config], key: str) -> None:
    """Check that all jobs measure a metric; ``key`` is where it is asked for.

    Raises:
        UserError: one does not.
    """
    for measured in dict.fromkeys(map(_measured, configs)):
        known = _directions(*measured)
        if metric not in known:
            raise bad_value(key, metric, "the runs do not measure this metric; see metrics=", known)


def directions(config: Config) -> dict[str, str]:
    """Return for each score that a run measures which way it is better: ``max`` or ``min``."""
    return _directions(*_measured(config))


def _measured(config: Config) -> tuple[frozenset[str], bool]:
    """Return the metrics of a run, and whether the raw generator is scored as well."""
    nodes = metric_nodes(config["metrics"]) | ((config.get("labels") or {}).get("metrics") or {})
    return frozenset(str(node["_target_"]) for node in nodes.values()), bool(config["metrics"].get("raw"))


def _directions(targets: Iterable[str], raw: bool) -> dict[str, str]:
    """Return which way each score is better, scores of the raw generator included where it is scored."""
    kinds = [resolve(target) for target in targets]
    directions = {name: way for kind in kinds for name, way in kind.directions.items()}
    scored_raw = [kind for kind in kinds if raw and of_samples(kind)]
    return directions | {f"{RAW}{name}": way for kind in scored_raw for name, way in kind.directions.items()}


def check_bound(bound: Bound, directions: Mapping[str, str], key: str) -> None:
    """Check one bound against metrics with these directions; ``key`` is where it is stated."""
    if bound.metric not in directions:
        raise bad_value(key, bound.metric, "the runs do not measure this metric; see metrics=", directions)
    if bound.percent and directions[bound.metric] != "max":
        raise bad_value(
            f"{key}.{bound.metric}",
            f"{bound.value:g} %",
            "less is better here and there is no largest value; give a number",
        )
