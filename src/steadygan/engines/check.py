"""Ranges of a config's numbers, all checked at once and before anything is computed."""

from collections.abc import Iterator, Mapping
from typing import Any

from steadygan.core.declare import Range, count, declared, finite, positive
from steadygan.core.settings import is_number
from steadygan.errors import UserError
from steadygan.targets import resolve

ROOT = {
    "seed": Range("must be a whole number", whole=True),
    "iterations": count,
    "batch_size": count,
    "log_every": count,
    "evaluate_every": count,
    "checkpoint_every": count,
    "keep_checkpoints": count,
}

DISCRIMINATOR = {
    "ensemble": count,
    "snapshots": Range("must be a whole number of at least 0", low=0.0, whole=True),
    "every": count,
}


METRICS = {"batch": count}

share = Range("must be greater than 0 and at most 1", low=0.0, high=1.0, open_low=True)

ENGINE = {"members": (count, None), "memory": (share, 1), "workers": (count, "auto")}
"""Each with a value that needs no look."""

DIAGNOSTICS = {"spectrum_every": count, "spectrum_size": count}


def check_numbers(config: Mapping[str, Any]) -> None:
    """Compare every number with the range that stands beside its method.

    Raises:
        UserError: naming each bad key, its value and what is allowed.
    """
    problems = [*_root_problems(config), *_discriminator_problems(config), *_node_problems("", config)]
    problems += [*_diagnostics_problems(config), *_engine_problems(config)]
    problems += [text for key, allowed in METRICS.items()
                 for text in _problem(f"metrics.{key}", config["metrics"].get(key), allowed)]  # fmt: skip
    for name, node in (config["regularizer"] or {}).items():
        problems += _problem(f"regularizer.{name}.every", node.get("every", 1), count)
    if problems:
        raise UserError("\n".join(problems))


def _root_problems(config: Mapping[str, Any]) -> Iterator[str]:
    for key, allowed in ROOT.items():
        yield from _problem(key, config.get(key), allowed)
    if config.get("checkpoint_minutes") is not None:
        yield from _problem("checkpoint_minutes", config["checkpoint_minutes"], positive)


def _diagnostics_problems(config: Mapping[str, Any]) -> Iterator[str]:
    given = config.get("diagnostics") or {}
    for key, allowed in DIAGNOSTICS.items():
        if given.get(key) is not None:
            yield from _problem(f"diagnostics.{key}", given[key], allowed)


def _engine_problems(config: Mapping[str, Any]) -> Iterator[str]:
    given = config["engine"]
    for key, (allowed, fine) in ENGINE.items():
        if given.get(key, fine) != fine:
            yield from _problem(f"engine.{key}", given[key], allowed)


def _discriminator_problems(config: Mapping[str, Any]) -> Iterator[str]:
    given = config["discriminator"]
    problems = [text for key, allowed in DISCRIMINATOR.items()
                for text in _problem(f"discriminator.{key}", given.get(key), allowed)]  # fmt: skip
    yield from problems
    if not problems and given["snapshots"] * given["every"] > config["iterations"]:
        yield (
            f"discriminator.snapshots={given['snapshots']}: more snapshots than there will be, one each "
            f"discriminator.every={given['every']} of iterations={config['iterations']}"
        )


def _node_problems(path: str, node: Any) -> Iterator[str]:
    if isinstance(node, list):
        node = dict(enumerate(node))
    if not isinstance(node, Mapping):
        return
    ranges = declared(resolve(node["_target_"]), "ranges", {}) if "_target_" in node else {}
    for key, value in node.items():
        where = f"{path}.{key}" if path else str(key)
        if key in ranges and not isinstance(value, Mapping):
            yield from _problem(where, value, ranges[key])
        elif isinstance(value, float) and "_target_" in node:
            yield from _problem(where, value, finite)
        elif key in ranges and "_target_" in value:
            yield from _schedule_problems(where, value, ranges[key])
        yield from _node_problems(where, value)


def _schedule_problems(where: str, node: Mapping[str, Any], allowed: Range) -> Iterator[str]:
    """A schedule is as good as the values that it reaches."""
    settings = {key: value for key, value in node.items() if not key.startswith("_")}
    try:
        reached = resolve(node["_target_"])(**settings).extremes()
    except (TypeError, AttributeError) as error:
        yield f"{where}: not a schedule ({error})"
        return
    for value in reached:
        yield from _problem(f"{where} (reached by the schedule)", float(value), allowed)


def _problem(key: str, value: Any, allowed: Range) -> Iterator[str]:
    if not is_number(value):
        yield f"{key}={value}: must be a number ({allowed.words})"
    elif value not in allowed:
        yield f"{key}={value}: {allowed.words}"
