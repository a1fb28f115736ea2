"""Which runs are seeds of the same method, what the method is called, and which numbers were swept."""

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from steadygan.common.typed import is_number
from steadygan.config.node import Config
from steadygan.report.collect import Run

# What does not make a run another method: where it is stored, how long and on what it ran, what was watched.
_NOT_IDENTITY = {
    "seed", "name", "outputs", "iterations", "horizon", "retry", "log_every", "evaluate_every", "checkpoint_every",
    "checkpoint_minutes", "keep_checkpoints", "keep_best", "thresholds",
    "diagnostics", "logger", "engine", "trainer", "metrics", "experiment", "hydra",
}  # fmt: skip
_EXCEPTIONS = {"trainer.precision"}
# How stored images are held, and what is checked of them: no part of their signature either.
_HELD = {f"dataset.{key}" for key in ("download", "corrupt", "workers", "keep", "prefetch")}
_MISSING = "(none)"


Leaf: TypeAlias = float | str | bool | None


@dataclass(frozen=True)
class Group:
    """The seeds of one method. ``settings`` are the config leaves (dotted keys) that all of them share."""

    name: str
    method: str
    runs: tuple[Run, ...]
    settings: Mapping[str, Leaf]

    @property
    def dataset(self) -> Hashable:
        """The settings of its data set."""
        return frozenset((key, repr(value)) for key, value in self.settings.items() if key.startswith("dataset."))

    def number(self, key: str) -> float:
        """Return the value of a swept key."""
        return float(self.settings[key] or 0.0)


def flatten(config: object, prefix: str = "") -> dict[str, object]:
    """Leaves by dotted key: ``{"a": {"b": [1]}}`` is ``{"a.b.0": 1}``."""
    if isinstance(config, Mapping) and config:
        items: Iterable[tuple[object, object]] = config.items()
    elif isinstance(config, list) and config:
        items = enumerate(config)
    else:
        return {prefix: config}
    leaves: dict[str, object] = {}
    for key, value in items:
        leaves |= flatten(value, f"{prefix}.{key}" if prefix else str(key))
    return leaves


def identity(config: Config) -> dict[str, Leaf]:
    """Return the leaves that make a method what it is, numbers as floats (1 and 1.0 are the same)."""
    leaves = flatten(config) if config else {}
    return {key: _canonical(value) for key, value in leaves.items() if _counts(key)}


def _counts(key: str) -> bool:
    return key in _EXCEPTIONS or not (key.split(".")[0] in _NOT_IDENTITY or key in _HELD or key.endswith(".root"))


def _canonical(value: object) -> Leaf:
    if is_number(value):
        return float(value)
    return value if isinstance(value, str | bool | None) else str(value)


def natural(text: str) -> list[tuple[int, float, str]]:
    """Return a sort key under which gamma=2 comes before gamma=10."""
    parts = re.split(r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)", text)
    return [(0, float(part), "") if index % 2 else (1, 0.0, part) for index, part in enumerate(parts)]


def group_runs(runs: Iterable[Run]) -> list[Group]:
    """Runs that differ in no more than their seed, in natural order of their names.

    The name is the run's method. A method whose runs differ in settings becomes several groups, named with the
    settings that differ (``r1 gamma=0.1``); methods that are nothing but overrides are named by the overrides
    in which they differ (``gamma=0.1``).
    """
    methods: dict[str, dict[Hashable, list[Run]]] = defaultdict(lambda: defaultdict(list))
    by_label: dict[tuple[str, str], Hashable] = {}
    methods_by_settings: dict[Hashable, str] = {}
    runs = sorted(runs, key=lambda run: (not run.config, run.name))
    for run in runs:
        settings = identity(run.config)
        key = frozenset(settings.items()) if settings else by_label.get((run.method, run.label), run.label)
        by_label.setdefault((run.method, run.label), key)
        method = run.method
        if settings and _is_overrides(method):  # said with other words in another launch
            method = methods_by_settings.setdefault(key, method)
        methods[method][key].append(run)
    short = _short_methods(
        {method: [run for seeds in by_settings.values() for run in seeds] for method, by_settings in methods.items()}
    )
    groups = [group for method, by_settings in methods.items() for group in _split(method, short[method], by_settings)]
    return sorted(_distinct(groups), key=lambda group: natural(group.name))


def _split(method: str, shown: str, by_settings: Mapping[Hashable, list[Run]]) -> list[Group]:
    settings = {key: identity(seeds[0].config) for key, seeds in by_settings.items()}
    differing = _differing(list(settings.values()))
    groups = []
    for key, seeds in by_settings.items():
        name = shown
        if len(by_settings) > 1:
            text = _says(settings[key], differing) if differing and len(differing) <= 4 else seeds[0].label
            name = text if f"{text} ".startswith(f"{shown} ") else f"{shown} {text}"
        ordered = sorted(seeds, key=lambda run: (run.seed is None, run.seed or 0, run.name))
        groups.append(Group(name, method, tuple(ordered), settings[key]))
    return groups


def _differing(settings: Sequence[Mapping[str, Leaf]]) -> list[str]:
    keys = dict.fromkeys(key for leaves in settings for key in leaves)
    return [key for key in keys if len({repr(leaves.get(key, _MISSING)) for leaves in settings}) > 1]


def _says(settings: Mapping[str, Leaf], keys: list[str]) -> str:
    names = short_keys(keys)
    return " ".join(f"{names[key]}={show(settings.get(key, _MISSING))}" for key in keys)


def short_keys(keys: Iterable[str]) -> dict[str, str]:
    """Return each dotted key by as few of its last parts as tell it from the others."""
    keys = list(keys)
    names = {}
    for key in keys:
        parts = key.split(".")
        for length in range(1, len(parts) + 1):
            names[key] = ".".join(parts[-length:])
            if sum(other == names[key] or other.endswith("." + names[key]) for other in keys) == 1:
                break
    return names


def common_words(names: Iterable[str]) -> str:
    """Return the words that all names have, in the order of the first one."""
    first, *others = [name.split() for name in names]
    return " ".join(word for word in first if all(word in other for other in others))


def show(value: object) -> str:
    """Return a setting in as few characters as say it exactly enough to read: 1, 0.1, 1e-05."""
    return f"{value:g}" if is_number(value) else str(value)


def _short_methods(methods: Mapping[str, list[Run]]) -> dict[str, str]:
    """Methods that are nothing but overrides, by those in which they differ."""
    names = {method: method for method in methods}
    tokens = {method: _tokens(method, runs[0]) for method, runs in methods.items() if _is_overrides(method)}
    keys = dict.fromkeys(key for values in tokens.values() for key in values)
    keys = [key for key in keys if len({values.get(key) for values in tokens.values()}) > 1]
    short = short_keys(keys)
    shown = {
        method: " ".join(f"{short[key]}={values[key]}" for key in keys if key in values) or "default"
        for method, values in tokens.items()
    }
    return names | shown if 1 < len(tokens) == len(set(shown.values())) else names


def _is_overrides(method: str) -> bool:
    return "=" in method or method == "default"


def _tokens(method: str, run: Run) -> dict[str, str]:
    words = run.overrides or method.replace(", ", " ").split()
    pairs = [word.lstrip("+").partition("=") for word in words]
    return {key: value for key, _, value in pairs if _counts(key) and not key.startswith("~")}


def _distinct(groups: list[Group]) -> list[Group]:
    seen: dict[str, int] = defaultdict(int)
    result = []
    for group in groups:
        seen[group.name] += 1
        times = seen[group.name]
        name = group.name if times == 1 else f"{group.name} ({times})"
        result.append(Group(name, group.method, group.runs, group.settings))
    return result


def swept_numbers(groups: list[Group], named: Iterable[str] = ()) -> dict[str, list[str]]:
    """Return the numeric config keys whose value differs between groups that are otherwise built alike.

    Keys that always move together count once: each key found is given with all that move as it does, itself
    included. Keys ``named`` by the sweep file come first.
    """
    alike: dict[Hashable, list[Group]] = defaultdict(list)
    for group in groups:
        skeleton = frozenset((key, None if is_number(value) else value) for key, value in group.settings.items())
        alike[skeleton].append(group)
    swept: dict[str, None] = {}
    for members in alike.values():
        for key in members[0].settings:
            values = {group.settings[key] for group in members}
            if len(values) > 1 and all(map(is_number, values)):
                swept[key] = None
    named = list(named)
    columns: dict[tuple[Leaf, ...], list[str]] = {}
    for key in sorted(swept, key=lambda key: (key not in named, list(swept).index(key))):
        columns.setdefault(tuple(group.settings.get(key) for group in groups), []).append(key)
    return {keys[0]: keys for keys in columns.values()}


def family(group: Group, keys: Iterable[str]) -> Hashable:
    """Return what a group is apart from the swept ``keys``: groups of one family lie on one line."""
    keys = set(keys)
    return frozenset((key, value) for key, value in group.settings.items() if key not in keys)
