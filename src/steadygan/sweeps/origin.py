"""Where the config of a job comes from, told as a command line of ``steadygan train``."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from hydra.conf import HydraConf
from hydra.core.config_loader import ConfigLoader
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from steadygan.common.paths import conf_dir
from steadygan.config.containers import plain
from steadygan.config.node import Config, leaves, value_at
from steadygan.sweeps.compose import without_hydra
from steadygan.sweeps.overrides import (
    CannotBeSaid,
    chosen,
    key_element,
    lacking,
    literal,
    sets_values,
    varies,
)

ROOT = "config"
"""The root config of ``steadygan train``."""

OUTSIDE = re.compile(r"\$\{(hydra|now|oc\.env|python_version):")
"""Interpolations that may give another value in another process. Those of the logger shall: whose account, say."""


class Origin(NamedTuple):
    """``steadygan train *options *root_overrides`` gives the config.

    Attributes:
        options: Hydra's own, which say where configs are found.
        root_overrides: overrides of the root config.
    """

    options: tuple[str, ...]
    root_overrides: tuple[str, ...]


class _Kind(NamedTuple):
    """The part of an origin that jobs which differ in values alone share.

    Attributes:
        outside: keys whose values come from outside the config, such as the number of the job.
        before: overrides that come before the job's own.
        after: overrides that come after them.
        values: the config to which all values of a job have to be added, where its own overrides do not fit.
        expressible: whether overrides of the root config give it.
    """

    outside: tuple[str, ...]
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    values: DictConfig | None = None
    expressible: bool = True


class Origins:
    """The origins of jobs, whatever root config they were composed from.

    A sweep's file is a root config: what it sets beside the values that it sweeps is added to the job's overrides,
    found by comparison with what the overrides alone would give. Jobs that differ in values alone are compared once.

    Args:
        loader: Hydra's config loader of this process.
        hydra: the node ``hydra`` of any of the jobs.
    """

    def __init__(self, loader: ConfigLoader, hydra: DictConfig | HydraConf) -> None:
        self._loader = loader
        self._name = str(hydra.job.config_name)
        self._options = options(hydra)
        path = hydra.searchpath
        self._search = [f"hydra.searchpath=[{','.join(map(repr, path))}]"] if path else []
        self._kinds: dict[tuple[str, ...], _Kind] = {}
        self._groups: dict[str, list[str]] = {}
        self._composed: dict[tuple[str, ...], DictConfig] = {}

    def of(
        self,
        overrides: Sequence[str],
        config: DictConfig,
        choices: Callable[[], Config],
        resolved: Config,
    ) -> Origin:
        """Return the origin of a job.

        Args:
            overrides: the job's, of the root config that it was composed from.
            config: composed, with its interpolations and without the node ``hydra``.
            choices: returns the options of config groups, by the group's key.
            resolved: the config in plain containers.
        """
        key = tuple(text if varies(text) or self._is_group(text) else key_element(text) for text in overrides)
        if key not in self._kinds:
            self._kinds[key] = self._compared(overrides, config, choices)
        kind = self._kinds[key]
        texts, after = overrides, kind.after
        if kind.values is not None:  # the overrides do not fit the root config: set all values
            texts = [text for text in overrides if self._is_group(text)]
            after = lacking(kind.values, plain(config))
        external = [f"{path}={literal(value_at(resolved, path))}" for path in kind.outside]
        extra = () if kind.expressible else (f"--config-name={self._name}",)
        return Origin((*self._options, *extra), (*self._search, *kind.before, *texts, *after, *external))

    def _compared(self, overrides: Sequence[str], config: DictConfig, choices: Callable[[], Config]) -> _Kind:
        target = plain(config)
        texts = {path: str(value) for path, value in leaves(target) if not path.startswith("logger.")}
        outside = tuple(path for path, text in texts.items() if OUTSIDE.search(text))
        if self._name == ROOT:
            return _Kind(outside)
        groups = [text for text in overrides if self._is_group(text)]
        base, options = self._compose(groups), choices()
        before = [*chosen(options, base.hydra.runtime.choices), *self._lists(target, base, options)]
        names = {key for key in target if self._options_of(key)}
        try:
            try:
                after = lacking(without_hydra(self._compose([*before, *overrides])), target, names)
                return _Kind(outside, tuple(before), tuple(after))
            except (HydraException, OmegaConfBaseException):
                values = without_hydra(self._compose([*before, *groups]))
                lacking(values, target, names)
                return _Kind(outside, tuple(before), values=values)
        except CannotBeSaid:
            return _Kind(outside, expressible=False)

    def _lists(self, target: Config, base: DictConfig, choices: Config) -> list[str]:
        """Return the overrides of groups of which several options are chosen; Hydra keeps no record of these."""
        lists = []
        for key, node in target.items():
            if key not in choices and isinstance(node, Mapping) and (known := self._options_of(key)):
                names = [name for name in node if name in known]
                if names != [name for name in base.get(key, {}) if name in known]:
                    lists.append(f"{key}={literal(names)}")
        return lists

    def _is_group(self, text: str) -> bool:
        return not sets_values(text) and bool(self._options_of(key_element(text)))

    def _options_of(self, key: str) -> list[str]:
        """Return the options of a config group, the key of an override with or without its package; else nothing."""
        group = key.partition("@")[0]
        if group not in self._groups:
            self._groups[group] = self._loader.get_group_options(group)
        return self._groups[group]

    def _compose(self, overrides: Sequence[str]) -> DictConfig:
        key = tuple(overrides)
        if key not in self._composed:
            self._composed[key] = self._loader.load_configuration(ROOT, [*self._search, *overrides], RunMode.RUN)
        return self._composed[key]


def options(hydra: DictConfig | HydraConf) -> tuple[str, ...]:
    """Return the options with which Hydra finds what it found here: the user's own folder of configs."""
    named = {"main": "--config-path", "command-line": "--config-dir"}
    usual = {conf_dir().as_posix()}
    sources = [(str(source.provider), str(source.path)) for source in hydra.runtime.config_sources]
    return tuple(f"{named[who]}={Path(path)}" for who, path in sources if who in named and path and path not in usual)
