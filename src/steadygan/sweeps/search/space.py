"""What is searched: ranges in Hydra's words, and the spaces that stand beside the methods."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from steadygan.common.errors import UserError, bad_value

FOLDER = "search"
"""Of the spaces, below the config folders."""

SHARED = "shared"
"""The file of the ranges that all methods have in common."""


@dataclass(frozen=True)
class Space:
    """What is drawn for each trial, and what is set beside it.

    Attributes:
        ranges: the searched keys with their distributions, in the order of their dimensions.
        fixed: overrides of every trial, such as a key that follows another one.
        texts: the ranges and what is fixed, as they were written, by key.
    """

    ranges: Mapping[str, BaseDistribution] = field(default_factory=dict)
    fixed: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)


def space(texts: Mapping[str, str | None]) -> Space:
    """Return the space of keys with their values as the command line writes them; None takes a key away.

    Raises:
        UserError: a range is none.
    """
    kept = {key: text for key, text in texts.items() if text is not None}
    parsed = {key: _parsed(key, text) for key, text in kept.items()}
    ranges = {key: distribution(override) for key, override in parsed.items() if override.is_sweep_override()}
    fixed = tuple(f"{key}={text}" for key, text in kept.items() if key not in ranges)
    return Space(ranges, fixed, kept)


def distribution(override: Override) -> BaseDistribution:
    """Return what ``interval``, ``tag(log, interval)``, ``range``, ``choice`` or a list of values stands for.

    The end of a ``range`` is no part of it, as everywhere in Hydra.

    Raises:
        UserError: it is empty, reversed, or the logarithm of its start is not finite.
    """
    sweep = override.value()
    key, text = override.get_key_element(), str(override.input_line).partition("=")[2]
    match sweep:
        case IntervalSweep():
            return _interval(key, text, sweep)
        case RangeSweep() if isinstance(sweep.start, int) and isinstance(sweep.step, int):
            values = list(sweep.range())
            if not values:
                raise bad_value(key, text, "this range has no values")
            return IntDistribution(int(min(values)), int(max(values)), step=abs(sweep.step))
        case RangeSweep() | ChoiceSweep():
            values = [_plain(value) for value in override.sweep_string_iterator()]
            if not values:
                raise bad_value(key, text, "there is nothing to choose from")
            return CategoricalDistribution(values)
    raise bad_value(key, text, "a search reads interval, tag(log, interval), range, choice and lists of values")


def numeric(distribution: BaseDistribution | None) -> bool:
    """Return whether numbers are drawn, rather than one of several values."""
    return isinstance(distribution, FloatDistribution | IntDistribution)


def _interval(key: str, text: str, sweep: IntervalSweep) -> BaseDistribution:
    start, end = sweep.start, sweep.end
    if start is None or end is None or not start < end:
        raise bad_value(key, text, "the end of an interval must be greater than its start")
    log = "log" in sweep.tags
    if other := sorted(sweep.tags - {"log"}):
        raise bad_value(key, text, f"unknown tag {', '.join(other)}", ["log"])
    if log and start <= 0:
        raise bad_value(key, text, "a logarithmic interval must start above 0")
    if isinstance(start, int) and isinstance(end, int) and "int(" in text:
        return IntDistribution(start, end, log=log)
    return FloatDistribution(float(start), float(end), log=log)


def _plain(text: str) -> str:
    """Return a choice without the signs that Hydra writes before the braces of an interpolation."""
    return text.replace("\\{", "{").replace("\\}", "}") if text.startswith("$") else text


def _parsed(key: str, text: str) -> Override:
    try:
        (override,) = OverridesParser.create().parse_overrides([f"{key}={text}"])
    except HydraException as error:
        raise bad_value(key, text, "cannot be read as a range") from error
    return override


def of_method(method: str, folders: Iterable[Path]) -> dict[str, str | None]:
    """Return what is tuned in a method: the shared ranges, then its own, as texts by key.

    Args:
        method: its name.
        folders: of configs, in which ``search/shared.yaml`` and ``search/METHOD.yaml`` are looked for; the first
            that has a file counts.

    Raises:
        UserError: the method has no such file, or one is no mapping.
    """
    folders = list(folders)
    found = {name: _read(name, folders) for name in (SHARED, method)}
    if found[method] is None:
        known = sorted({path.stem for folder in folders for path in (folder / FOLDER).glob("*.yaml")} - {SHARED})
        problem = f"nothing says what is to be tuned in it: write {FOLDER}/{method}.yaml, `KEY: RANGE` a line"
        raise bad_value("method", method, problem, known)
    return {**(found[SHARED] or {}), **(found[method] or {})}


def _read(name: str, folders: Iterable[Path]) -> dict[str, str | None] | None:
    path = next((path for folder in folders if (path := folder / FOLDER / f"{name}.yaml").is_file()), None)
    if path is None:
        return None
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise UserError(f"{path}: is no YAML file ({' '.join(str(error).split())})") from error
    if not isinstance(content, Mapping):
        raise UserError(f"{path}: must be a mapping of keys to ranges")
    return {str(key): None if value is None else str(value) for key, value in content.items()}
