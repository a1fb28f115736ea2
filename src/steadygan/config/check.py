"""Ranges of a config's numbers, all checked at once and before anything is computed."""

from collections.abc import Iterator, Mapping
from typing import Any

from steadygan.common.errors import UserError
from steadygan.config.targets import resolve
from steadygan.config.typed import Misfit, allows, hints, read
from steadygan.core.declare import Range, count, declared, finite, positive
from steadygan.core.settings import is_number

ROOT = {
    "seed": Range("must be a whole number from -2^63 to 2^63 - 1", low=-(2**63), high=2**63 - 1, whole=True),
    "iterations": count,
    "batch_size": count,
    "log_every": count,
    "evaluate_every": count,
    "checkpoint_every": count,
    "keep_checkpoints": count,
    "checkpoint_minutes": positive,
}

share = Range("must be greater than 0 and at most 1", low=0.0, high=1.0, open_low=True)
looks = Range("must be a whole number of at least 0", low=0.0, whole=True)

RANGES = {
    **ROOT,
    "discriminator.ensemble": count,
    "discriminator.snapshots": looks,
    "discriminator.every": count,
    "metrics.batch": count,
    "engine.members": count,
    "engine.memory": share,
    "engine.workers": count,
    "diagnostics.spectrum_every": count,
    "diagnostics.spectrum_size": count,
    "trainer.threads": count,
    "trainer.num_nodes": count,
    "trainer.timeout": positive,
    "regularizer.*.every": count,
    "noise.copies": count,
}
"""Of the keys that belong to no method."""

TYPES = {
    **{key: int if allowed.whole else float for key, allowed in RANGES.items()},
    "checkpoint_minutes": float | None,
    "engine.members": int | None,
    "engine.workers": int | str,
    "engine.together": int | str,
    "diagnostics.spectrum_every": int | None,
    "diagnostics.spectrum_size": int | None,
    "trainer.devices": int | str,
    "trainer.precision": int | str,
    "trainer.sync_batchnorm": bool,
    "metrics.raw": bool,
    "retry": bool,
    "labels.share": float,
    "network.*": int | float | str | None,
}
"""Of the same and of others, where a method's signature cannot tell them."""

AUTO = {"engine.workers": "auto"}
"""Words that need no range."""

Problems = list[tuple[str, str]]
"""Keys, and what is wrong with each."""


def check_numbers(config: Mapping[str, Any]) -> dict[str, Any]:
    """Compare every number with the type and the range that stand beside its method.

    Returns:
        The config with its numbers as the types that are meant: 10 for 10.0, 1e1 and '1e1' where it is a count.

    Raises:
        UserError: naming each bad key, its value and what is allowed.
    """
    misfits: Problems = []
    typed = _typed("", config, misfits)
    misfits = [_as_asked(config, *each) for each in misfits]
    problems: dict[str, str] = {}
    for key, text in [*_key_problems(typed), *misfits, *_node_problems("", typed)]:
        problems.setdefault(key, text)
    problems |= {} if problems else dict(_snapshot_problems(typed))
    if problems:
        raise UserError("\n".join(problems.values()))
    return typed


def typed_node(path: str, node: Mapping[str, Any]) -> dict[str, Any]:
    """Return a node of a config, nested ones included, with its numbers converted to the types that are meant.

    Raises:
        UserError: naming each key that is of another type.
    """
    problems: Problems = []
    typed = _typed(path, node, problems)
    if problems:
        raise UserError("\n".join(text for _, text in problems))
    return typed


def _typed(path: str, node: Any, problems: Problems) -> Any:
    if isinstance(node, list):
        return [_typed(f"{path}.{index}", item, problems) for index, item in enumerate(node)]
    if not isinstance(node, Mapping):
        return node
    try:
        types = _types(node)
    except UserError as error:  # there is no such target
        raise UserError(f"{path}.{error}" if path else str(error)) from error
    typed = {}
    for key, value in node.items():
        where = f"{path}.{key}" if path else str(key)
        try:
            typed[key] = read(_typed(where, value, problems), _listed(TYPES, where, types.get(key, Any)))
        except Misfit as misfit:
            problems.append((where, f"{where}={value}: {misfit}"))
            typed[key] = value
    return typed


def _as_asked(config: Mapping[str, Any], key: str, text: str) -> tuple[str, str]:
    """Return a key of one network as the key of both, from which it has its value."""
    network, _, *rest = [*key.split("."), "", ""]
    shared = f"{network}.{rest[0]}"
    if network == "network" and rest[0] in config["network"] and text.startswith(f"{key}={config[network][rest[0]]}:"):
        return shared, text.replace(key, shared, 1)
    return key, text


def _types(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return the types of a node's keys, as its target declares them; a range of whole numbers is a type of its own."""
    if "_target_" not in node:
        return {}
    target = resolve(node["_target_"])
    ranges = declared(target, "ranges", {})
    stated = hints(target)
    return {
        **{key: float for key in ranges if key not in stated},
        **stated,
        **{key: int for key, allowed in ranges.items() if allowed.whole},
    }


def _listed(table: Mapping[str, Any], where: str, otherwise: Any) -> Any:
    """Look a key up in a table; ``*`` stands for one name."""
    first, *rest = where.split(".")
    return table.get(where, table.get(".".join([first, "*", *rest[1:]]), otherwise))


def _key_problems(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for pattern, allowed in RANGES.items():
        for where, value in _found(config, pattern.split(".")):
            if not (value is None and allows(TYPES[pattern], None)) and value != AUTO.get(pattern):
                yield from _problem(where, value, allowed)


def _found(node: Any, path: list[str], before: str = "") -> Iterator[tuple[str, Any]]:
    """Return the keys of a config that a pattern means, with their values."""
    if not path:
        yield before, node
        return
    if not isinstance(node, Mapping):
        return
    for name in node if path[0] == "*" else [path[0]]:
        if name in node:
            yield from _found(node[name], path[1:], f"{before}.{name}" if before else str(name))


def _snapshot_problems(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    settings = config["discriminator"]
    if settings["snapshots"] * settings["every"] > config["iterations"]:
        yield (
            "discriminator.snapshots",
            f"discriminator.snapshots={settings['snapshots']}: more snapshots than there will be, one each "
            f"discriminator.every={settings['every']} of iterations={config['iterations']}",
        )


def _node_problems(path: str, node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, list):
        node = dict(enumerate(node))
    if not isinstance(node, Mapping):
        return
    ranges = declared(resolve(node["_target_"]), "ranges", {}) if "_target_" in node else {}
    types = _types(node)
    for key, value in node.items():
        where = f"{path}.{key}" if path else str(key)
        if key in ranges and not isinstance(value, Mapping):
            if not (value is None and allows(types[key], None)):
                yield from _problem(where, value, ranges[key])
        elif isinstance(value, float) and "_target_" in node:
            yield from _problem(where, value, finite)
        elif key in ranges and "_target_" in value:
            yield from _schedule_problems(where, value, ranges[key])
        yield from _node_problems(where, value)


def _schedule_problems(where: str, node: Mapping[str, Any], allowed: Range) -> Iterator[tuple[str, str]]:
    """Yield the problems of a schedule: those of the values that it reaches."""
    settings = {key: value for key, value in node.items() if not key.startswith("_")}
    try:
        reached = resolve(node["_target_"])(**settings).extremes()
    except (TypeError, AttributeError) as error:
        yield where, f"{where}: not a schedule ({error})"
        return
    for value in reached:
        for _, text in _problem(f"{where} (reached by the schedule)", float(value), allowed):
            yield text, text


def _problem(key: str, value: Any, allowed: Range) -> Iterator[tuple[str, str]]:
    if not is_number(value):
        yield key, f"{key}={value}: must be a number ({allowed.words})"
    elif value not in allowed:
        yield key, f"{key}={value}: {allowed.words}"
