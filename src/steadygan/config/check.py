"""Types and ranges of a config's numbers, all checked at once and before anything is computed."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from steadygan.common.errors import UserError
from steadygan.common.ranges import Count, Range, count, fraction, looks, positive, share
from steadygan.common.typed import Misfit, hints, range_of, ranged, read
from steadygan.config.node import Config, Node
from steadygan.config.targets import resolve
from steadygan.core.declare import ranges_of

ROOT: Mapping[str, object] = {
    "seed": Annotated[int, Range("must be a whole number from -2^63 to 2^63 - 1", -(2**63), 2**63 - 1, whole=True)],
    "iterations": Count,
    "horizon": Count,
    "batch_size": Count,
    "log_every": Count,
    "evaluate_every": Count,
    "checkpoint_every": Count,
    "keep_checkpoints": Count,
    "checkpoint_minutes": Annotated[float | None, positive],
}

KEYS: Mapping[str, object] = {
    **ROOT,
    "retry": bool,
    "labels.share": Annotated[float, fraction],
    "discriminator.ensemble": Count,
    "discriminator.snapshots": Annotated[int, looks],
    "discriminator.every": Count,
    "diagnostics.spectrum_every": Annotated[int | None, count],
    "diagnostics.spectrum_size": Annotated[int | None, count],
    "engine.members": Annotated[int | None, count],
    "engine.memory": Annotated[float, share],
    "engine.workers": Annotated[int | Literal["auto"], count],
    "engine.together": Annotated[int | Literal["auto"], count],
    "metrics.batch": Count,
    "metrics.raw": bool,
    "network.*": int | float | str | None,
    "noise.copies": Count,
    "regularizer.*.every": Count,
    "trainer.devices": Annotated[int | Literal["auto"], count],
    "trainer.num_nodes": Count,
    "trainer.precision": int | str,
    "trainer.sync_batchnorm": bool,
    "trainer.threads": Count,
    "trainer.timeout": Annotated[float, positive],
}
"""The annotations of keys that belong to no method, or that a method's signature cannot tell; ``*`` is one name."""


def check_numbers(config: Config) -> Node:
    """Compare every number with the annotation that stands beside its method.

    Returns:
        The config with its numbers as the types that are meant: 10 for 10.0, 1e1 and '1e1' where it is a count.
    """
    problems: dict[str, str] = {}
    typed = _typed("", config, problems)
    problems = dict(_as_asked(config, *each) for each in problems.items()) or dict(_snapshot_problems(typed))
    if problems:
        raise UserError("\n".join(problems.values()))
    return typed


def typed_node(path: str, node: Config) -> Node:
    """Return a node of a config, nested ones included, with its numbers converted to the types that are meant."""
    problems: dict[str, str] = {}
    typed = _typed(path, node, problems)
    if problems:
        raise UserError("\n".join(problems.values()))
    return typed


def annotations(node: Config) -> dict[str, object]:
    """Return the annotations of a node's keys: those of its target's signature, with the ranges that it declares."""
    if "_target_" not in node:
        return {}
    target = resolve(str(node["_target_"]))
    stated = dict(hints(target))
    return stated | {key: ranged(stated.get(key), each) for key, each in ranges_of(target).items()}


def _typed(path: str, node: Config, problems: dict[str, str]) -> dict[str, object]:
    try:
        of_target = annotations(node)
    except UserError as error:  # there is no such target
        raise UserError(f"{path}.{error}" if path else str(error)) from error
    typed = {}
    for key, value in node.items():
        where = f"{path}.{key}" if path else str(key)
        in_table = _listed(where)
        annotation = of_target.get(key, float if isinstance(value, float) and of_target else object)
        typed[key] = value = _below(where, value, problems)
        try:
            if in_table is not None and isinstance(value, Mapping):
                read({}, in_table)  # no schedule here
            typed[key] = read(value, annotation if in_table is None else in_table)
        except Misfit as misfit:
            problems.setdefault(where, f"{where}={value}: {misfit}")
        allowed = range_of(annotation)
        if allowed and isinstance(value, Mapping) and "_target_" in value:
            problems |= _schedule_problems(where, value, allowed)
    return typed


def _below(path: str, value: object, problems: dict[str, str]) -> object:
    if isinstance(value, list):
        return [_below(f"{path}.{index}", item, problems) for index, item in enumerate(value)]
    return _typed(path, value, problems) if isinstance(value, Mapping) else value


def _listed(where: str) -> object:
    """Look a key up in the table; ``*`` stands for one name."""
    first, *rest = where.split(".")
    return KEYS.get(where, KEYS.get(".".join([first, "*", *rest[1:]])))


def _as_asked(config: Config, key: str, text: str) -> tuple[str, str]:
    """Return a key of one network as the key of both, from which it has its value."""
    network, _, *rest = [*key.split("."), "", ""]
    shared = f"{network}.{rest[0]}"
    both = config.get("network")
    if network == "network" and isinstance(both, Mapping) and text.startswith(f"{key}={both.get(rest[0])}:"):
        return shared, text.replace(key, shared, 1)
    return key, text


def _snapshot_problems(config: Config) -> Iterator[tuple[str, str]]:
    settings, iterations = config["discriminator"], config["iterations"]
    if settings["snapshots"] * settings["every"] > iterations:
        yield (
            "discriminator.snapshots",
            f"discriminator.snapshots={settings['snapshots']}: more snapshots than there will be, one each "
            f"discriminator.every={settings['every']} of iterations={iterations}",
        )


def _schedule_problems(where: str, node: Config, allowed: Range) -> dict[str, str]:
    """Return the problems of a schedule: those of the values that it reaches."""
    settings = {key: value for key, value in node.items() if not key.startswith("_")}
    try:
        reached = [float(value) for value in resolve(str(node["_target_"]))(**settings).extremes()]
    except (TypeError, AttributeError) as error:
        return {where: f"{where}: not a schedule ({error})"}
    texts = [f"{where} (reached by the schedule)={value}: {allowed.words}" for value in reached if value not in allowed]
    return {text: text for text in texts}
