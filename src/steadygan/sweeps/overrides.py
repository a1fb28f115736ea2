"""Overrides: those that give a config again, wherever its settings came from, and those whose value is text."""

import copy
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from steadygan.config.containers import plain
from steadygan.config.node import Config, leaves, value_at

_NAME = re.compile(r"[A-Za-z_/][\w./@-]*", flags=re.ASCII)
_MEANS_MORE = {"null", "true", "false", "inf", "nan"}
_ABSENT = object()

TEXT = ("name", "outputs", "dataset.root", "logger.project", "logger.entity")
"""Keys whose value is text, whatever it looks like: ``name=1e3`` is a folder ``1e3``, not ``1000.0``."""

NULL = ("name",)
"""Those of which ``null`` is a text as well: there is no run without."""

WORD = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|(?:\\.|[^,()'"\\])+""", flags=re.DOTALL)


class CannotBeSaid(Exception):
    """No override sets this: a plain value under a name that is a config group's, too."""


def literal(value: object) -> str:
    """Return a value as Hydra's command line reads it: strings quoted where they have to be."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case Mapping():
            return "{" + ",".join(f"{key}:{literal(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(map(literal, value)) + "]"
    text = str(value)
    if _NAME.fullmatch(text) and text.lower() not in _MEANS_MORE:
        return text
    quoted = re.sub(r"(\\*)'", lambda match: 2 * match[1] + "\\'", text)
    trailing = len(quoted) - len(quoted.rstrip("\\"))
    return f"'{quoted}{trailing * chr(92)}'"


def same(one: object, other: object) -> bool:
    """Return whether two plain values are the same setting: 1 and 1.0 are, 1 and true are not."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def lacking(base: DictConfig, target: Config, groups: Collection[str] = ()) -> list[str]:
    """Return the overrides that make ``target`` of ``base``.

    Args:
        base: a composed config without the node ``hydra``.
        target: plain containers, resolved or not. An interpolation of ``base`` that gives the value of ``target``
            stays an interpolation.
        groups: names that an override would take for a config group.

    Raises:
        CannotBeSaid: a value under such a name.
    """
    have = plain(base)
    config = copy.deepcopy(base)
    gone = list(_gone(have, target))
    overrides = [f"~{path}" for path in gone]
    for path in gone:
        _delete(config, path)
    later = []
    for path, value in leaves(target):
        old = value_at(have, path, _ABSENT)
        if "${" in str(old) and "${" not in str(value):
            later.append((path, value))
        elif not same(old, value):
            overrides.append(_set(config, path, value, old is _ABSENT, groups))
    for path, value in later:
        if not same(_resolved(config, path), value):
            overrides.append(_set(config, path, value, value_at(have, path, _ABSENT) is _ABSENT, groups))
    return overrides


def as_configs(texts: Sequence[str]) -> list[Config]:
    """Return what each override sets, in plain containers; those of groups with a package set nothing by themselves.

    Raises:
        HydraException: a text is no override, or one with several values, of which each would be another config.
    """
    configs = []
    for override in OverridesParser.create().parse_overrides(list(texts)):
        if override.is_sweep_override():
            raise HydraException(f"{override.input_line}: has more than one value")
        if override.package is None and not override.is_delete():
            config = OmegaConf.create({})
            OmegaConf.update(config, override.key_or_group.replace("/", "."), override.value(), force_add=True)
            configs.append(plain(config))
    return configs


def still(texts: Sequence[str], config: Config) -> list[str]:
    """Return those overrides of single values that say what the config says, as they were written.

    One that names another key stays as well, where it gives the value that the config has.
    """
    valid, composed = {}, None
    for override in OverridesParser.create().parse_overrides(list(texts)):
        key = override.key_or_group
        if key.rpartition(".")[2] in ("_target_", "_partial_") or override.package is not None:
            continue
        if override.is_delete() or override.is_sweep_override() or override.is_hydra_override() or "/" in key:
            continue
        value, current = override.value(), value_at(config, key, _ABSENT)
        if isinstance(value, str) and "${" in value:
            composed = composed or OmegaConf.create(dict(config))
            trial = copy.deepcopy(composed)
            OmegaConf.update(trial, key, value, force_add=True)
            value = _resolved(trial, key)
        if not isinstance(value, Mapping) and same(value, current):
            valid[key] = override.input_line
    return list(valid.values())


def _set(config: DictConfig, path: str, value: object, new: bool, groups: Collection[str]) -> str:
    if path in groups:
        raise CannotBeSaid(path)
    with read_write(config), open_dict(config):
        OmegaConf.update(config, path, value, merge=True, force_add=True)
    return f"{'++' if new else ''}{path}={literal(value)}"


def _resolved(config: DictConfig, path: str) -> object:
    try:
        value = OmegaConf.select(config, path)
        return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
    except OmegaConfBaseException:
        return _ABSENT


def _delete(config: DictConfig, path: str) -> None:
    above, _, key = path.rpartition(".")
    with read_write(config), open_dict(config):
        del (OmegaConf.select(config, above) if above else config)[key]


def _gone(have: Config, target: Config, prefix: str = "") -> Iterator[str]:
    """Nodes that ``target`` does not have."""
    for key, value in have.items():
        if key not in target:
            yield f"{prefix}{key}"
        elif isinstance(value, Mapping) and isinstance(target[key], Mapping):
            yield from _gone(value, target[key], f"{prefix}{key}.")


def key_element(text: str) -> str:
    """Return the key of an override with the package of a group: ``optimizer@optimizer.generator``."""
    return text.lstrip("+~").partition("=")[0]


def sets_values(text: str) -> bool:
    """Whether an override merges values into a node, also where its key is that of a group: ``loss={alpha:0.3}``."""
    return text.partition("=")[2].lstrip().startswith("{")


def chosen(choices: Config, before: Config) -> list[str]:
    """Return the overrides that choose other options of config groups than were chosen ``before``."""
    return [
        f"~{key}" if value is None else f"{'' if key in before else '+'}{key}={literal(value)}"
        for key, value in choices.items()
        if not key.startswith("hydra/") and literal(before.get(key, _ABSENT)) != literal(value)
    ]


def varies(text: str) -> bool:
    """Return whether the value of an override may change which keys there are."""
    return text.startswith("~") or any(sign in text.partition("=")[2] for sign in ("{", "$"))


def as_typed(override: str) -> str:
    """Return ``name='1e3','true'`` of ``name=1e3,true``; any other override is as it was."""
    key, _, value = override.partition("=")
    bare = key.lstrip("+")
    if bare not in TEXT or "${" in value or ("(" in value and not value.startswith("choice(")):
        return override
    return f"{key}={WORD.sub(lambda word: _quoted(word[0], bare in NULL), value)}"


def swept_values(text: str) -> list[str]:
    """Return the values that a text such as ``range(0,2)`` or ``1,2`` stands for.

    Raises:
        ValueError: it stands for none.
    """
    try:
        override = OverridesParser.create().parse_override(f"key={text}")
        return list(override.sweep_string_iterator()) if override.is_sweep_override() else [text]
    except HydraException as error:
        raise ValueError(text) from error


def _quoted(word: str, null: bool) -> str:
    try:
        value = OverridesParser.create().parse_override(f"key={word}").value()
    except HydraException:  # it has no word for a home folder without quotes
        return f"'{word}'" if word.startswith("~") else word
    number = isinstance(value, bool | int | float) or (value is None and null and word.strip() != "")
    return f"'{word.strip()}'" if number else word
