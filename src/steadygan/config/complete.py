"""Whether a config has all that a run reads, in the shape in which it reads it; and its texts as texts."""

import functools
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

import yaml

from steadygan.common.errors import UserError, bad_value
from steadygan.common.paths import conf_dir, expanded
from steadygan.config.node import PLAYERS, Config, Node
from steadygan.config.targets import SHARED

OPTIONAL = ("horizon", "scheme", "thresholds", "diagnostics", "experiment")
"""Root keys without which a run is what it is with their defaults."""

PARTS = {
    "trainer": ("accelerator", "devices", "num_nodes", "threads", "precision"),
    "optimizer": PLAYERS,
    "network": PLAYERS,
    "discriminator": ("ensemble", "snapshots", "every", "vote"),
    "metrics": ("raw",),
}
"""What every run reads of a root key, whichever option was chosen."""

WHOLE = ("method", "experiment")
"""Groups whose files fill the whole config: their first line says so."""

BUILT = ("loss", "noise", "game", "dataset", "labels", "scheme", "ema", "engine", "logger")
BUILT += ("discriminator.vote", *(f"{group}.{player}" for group in ("network", "optimizer") for player in PLAYERS))
"""What is made by the ``_target_`` that it names."""

ALIKE = 0.85
"""From which likeness on a key is one of the root config misspelled, and not one that other keys refer to."""

FIXED = ("trainer", "discriminator", "diagnostics")
"""Root keys that are no object and whose own keys are given."""

OF_ALL_METRICS = ("raw", "batch", *SHARED)
"""Keys of ``metrics`` that are no metric's name."""

EMPTY = ("regularizer",)
"""May be null."""


def complete(config: Config) -> Node:
    """Return the config with ``name`` and ``outputs`` as texts, ``~`` in a folder meaning the user's home.

    Raises:
        UserError: everything that is missing or is no group of settings where there has to be one.
    """
    problems = [*_misplaced(config), *_missing(config), *_misspelled(config)] or [*_unmade(config)]
    if problems:
        raise UserError("\n".join(problems))
    outputs = _text("outputs", config["outputs"])
    return {**config, "name": _text("name", config["name"]), "outputs": str(expanded("outputs", outputs))}


def _misplaced(config: Config) -> Iterator[str]:
    """Yield the groups whose file lacks the line by which it fills the whole config."""
    for group in WHOLE:
        if not isinstance(config.get(group), str | None):
            yield (
                f"{group}: the file that was chosen fills the key `{group}` instead of the whole config.\n"
                f"Its first line must be `# @package _global_`, with nothing before it: some editors save an invisible "
                "byte order mark (BOM) there"
            )


def _missing(config: Config) -> Iterator[str]:
    for key, groups in _root().items():
        if key in OPTIONAL:
            continue
        if key not in config:
            yield str(bad_value(f"~{key}", "", "every run needs this key", _options(key))).replace("=:", ":", 1)
        elif groups and not isinstance(config[key], Mapping) and not (key in EMPTY and config[key] is None):
            yield str(bad_value(key, config[key], "must be a group of settings", _options(key)))
        else:
            for part in PARTS.get(key, ()):
                if part not in config[key]:
                    yield f"{key}.{part}: is missing, and every run reads it"
                elif part in (*PLAYERS, "vote") and not isinstance(config[key][part], Mapping):
                    yield f"{key}.{part}={config[key][part]}: must be a group of settings"


def _misspelled(config: Config) -> Iterator[str]:
    """Keys that nothing reads and that look like others; only a file, or ``+key=value``, can bring them in."""
    nodes = {"": (config, tuple(_root()))}
    nodes |= {
        f"{group}.": (config[group], _keys_of(group)) for group in FIXED if isinstance(config.get(group), Mapping)
    }
    for path, (node, known) in nodes.items():
        for key, value in node.items():
            if key not in known and (close := get_close_matches(str(key), known, n=1, cutoff=ALIKE)):
                yield f"{path}{key}={value}: no run reads this key. Did you mean '{path}{close[0]}'?"


def _unmade(config: Config) -> Iterator[str]:
    for name, node in (config["regularizer"] or {}).items():
        if not isinstance(node, Mapping):
            yield (
                f"regularizer.{name}={node}: must be a group of settings; a file of the group `regularizer` holds "
                "them below its own name"
            )
    for name, node in config["metrics"].items():
        if name not in OF_ALL_METRICS and not isinstance(node, Mapping):
            yield (
                f"metrics.{name}={node}: must be a group of settings; metrics=[...] chooses metrics, ~metrics.{name} "
                "leaves one out"
            )
    groups = {group: config[group] or {} for group in ("regularizer", "metrics")}
    several = [f"{group}.{name}" for group, own in groups.items() for name in own if isinstance(own[name], Mapping)]
    for path in [*BUILT, *(path for path in several if path.removeprefix("metrics.") not in OF_ALL_METRICS)]:
        group, _, part = path.partition(".")
        node = config.get(group, {"_target_": ""})  # what is optional may not be there
        yield from _no_object(path, node[part] if part else node)
    callbacks = config["trainer"].get("callbacks") or {}
    if isinstance(callbacks, Mapping):
        for name, node in callbacks.items():
            yield from _no_object(f"trainer.callbacks.{name}", node)
    else:
        yield f"trainer.callbacks={callbacks}: must be a group of settings, a callback under each name"


def _no_object(path: str, node: object) -> Iterator[str]:
    if not isinstance(node, Mapping):
        yield f"{path}={node}: must be a group of settings"
    elif not isinstance(node.get("_target_"), str):
        yield f"{path}: does not say what it is: _target_ must name a function or class, such as my_gan.thing"


@functools.cache
def _root() -> dict[str, bool]:
    """Return the keys of the root config, and whether each is a group of settings."""
    content = yaml.safe_load((conf_dir() / "config.yaml").read_text(encoding="utf-8"))
    chosen = [entry for entry in content.pop("defaults") if isinstance(entry, Mapping)]
    keys = {key: name for entry in chosen for key, name in entry.items() if not key.startswith("override ")}
    groups = {key.partition("@")[0].partition("/")[0]: True for key, name in keys.items() if name is not None}
    del content["hydra"]
    return {key: isinstance(value, Mapping) for key, value in content.items()} | groups


@functools.cache
def _keys_of(group: str) -> tuple[str, ...]:
    """All keys that a group of settings has in any of the files that ship."""
    files = [conf_dir() / "config.yaml", *(conf_dir() / group).glob("*.yaml")]
    contents = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in files]
    nodes = [contents[0].get(group) or {}, *contents[1:]]
    return (*dict.fromkeys(key for node in nodes for key in node), *PARTS.get(group, ()))


def _options(key: str) -> list[str]:
    return [path.stem for path in (conf_dir() / key).glob("*.yaml")]


def _text(key: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise bad_value(key, "null" if value is None else value, "must be text; in a yaml file, put it in quotes")
    return str(value)
