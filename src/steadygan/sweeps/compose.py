"""The configs of a multirun, composed quickly.

Hydra takes a fifth of a second for each job, nearly all of it for the files that the job's config groups name. These
are read once for all jobs with the same choices; the other overrides are applied to a copy, in their order, by the
function with which Hydra applies them.
"""

import copy
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from hydra._internal.config_loader_impl import ConfigLoaderImpl  # what it does to a config has no public name
from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import ConfigCompositionException
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import InterpolationResolutionError, OmegaConfBaseException


@dataclass(frozen=True)
class Composed:
    """A job's ``config`` as a task gets it (without the node ``hydra``), and how to make the ``full`` one."""

    config: DictConfig
    full: Callable[[], DictConfig]


class Composer:
    """Composes the jobs of one multirun.

    Args:
        loader: Hydra's config loader.
        master: the config of the multirun.
    """

    def __init__(self, loader: ConfigLoader, master: DictConfig) -> None:
        self._loader = loader
        self._master = master
        self._parser = OverridesParser.create()
        self._bases: dict[tuple[str, ...], tuple[DictConfig, DictConfig]] = {}
        self._groups: dict[str, bool] = {}
        self._parsed: dict[str, Override] = {}
        self._shown = HydraConfig.instance().cfg

    def compose(self, overrides: Sequence[str], number: int = 0) -> Composed:
        """Compose the overrides of job ``number`` as Hydra's own launcher does.

        Raises:
            HydraException: as Hydra's own composition does.
        """
        HydraConfig.instance().cfg = self._shown  # as when Hydra composes: the multirun's, not the job's before
        parsed = [self._parse(text) for text in overrides]
        if any(map(_of_hydra, parsed)):
            return self._by_hydra(overrides, number)
        base, full = self._base([override for override in parsed if self._is_choice(override)])
        values = [override for override in parsed if not self._is_choice(override)]
        try:
            config = _applied(values, base)
        except ConfigCompositionException as error:
            if isinstance(error.__cause__, InterpolationResolutionError):  # of the node `hydra`, perhaps
                return self._by_hydra(overrides, number)
            raise
        return Composed(config, lambda: _numbered(_applied(values, full), parsed, number))

    def show(self, composed: Composed) -> None:
        """Make the job's config that of ``HydraConfig``, for interpolations such as ``${hydra:job.num}``."""
        HydraConfig.instance().cfg = _OnDemand(composed.full)  # pyright: ignore[reportAttributeAccessIssue]  # acts as one

    def _base(self, choices: Sequence[Override]) -> tuple[DictConfig, DictConfig]:
        """Return what Hydra composes of config groups alone: without the node ``hydra``, and with it."""
        texts = tuple(str(override.input_line) for override in choices)
        if texts not in self._bases:
            full = self._loader.load_sweep_config(self._master, list(texts))
            self._bases[texts] = without_hydra(full), full
        return self._bases[texts]

    def _by_hydra(self, overrides: Sequence[str], number: int) -> Composed:
        full = self._loader.load_sweep_config(self._master, list(overrides))
        return Composed(without_hydra(full), partial(_numbered, full, None, number))

    def _parse(self, text: str) -> Override:
        if text not in self._parsed:
            (self._parsed[text],) = self._parser.parse_overrides([text])
        return self._parsed[text]

    def _is_choice(self, override: Override) -> bool:
        """Return whether this chooses options of a config group, rather than a value."""
        value_path = getattr(override, "is_value_path", False)  # Hydra 1.4: `:key=value` is never a group
        return not value_path and not isinstance(override.value(), dict) and self._is_group(override.key_or_group)

    def _is_group(self, key: str) -> bool:
        if key not in self._groups:
            parent, _, name = key.rpartition("/")
            hydra = [str(text) for text in OmegaConf.to_container(self._master.hydra.overrides.hydra) or ()]
            config_name = self._master.hydra.job.config_name
            self._groups[key] = name in self._loader.get_group_options(parent, ObjectType.GROUP, config_name, hydra)
        return self._groups[key]


class _OnDemand:
    """Stands in ``HydraConfig`` for a job's config, which takes longer to make than to plan the job without it."""

    def __init__(self, full: Callable[[], DictConfig]) -> None:
        self._full = full

    @cached_property
    def hydra(self) -> DictConfig:
        """The node, set as Hydra does when it runs a job."""
        full, instance = self._full(), HydraConfig.instance()
        instance.set_config(full)  # the folder may be told by the node itself
        folder = os.path.join(*(str(OmegaConf.select(full, f"hydra.sweep.{key}")) for key in ("dir", "subdir")))
        with read_write(full.hydra.runtime), open_dict(full.hydra.runtime):
            full.hydra.runtime.output_dir = os.path.abspath(folder)
        instance.set_config(full)
        return instance.cfg.hydra  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]  # just set


def _of_hydra(override: Override) -> bool:
    """Return whether only Hydra itself can tell what this does."""
    return override.is_sweep_override() or override.key_or_group.replace("/", ".").split(".")[0] == "hydra"


def _applied(overrides: Sequence[Override], base: DictConfig) -> DictConfig:
    """Return a copy of a config on which overrides are applied."""
    config = copy.deepcopy(base)
    try:
        ConfigLoaderImpl._apply_overrides_to_config(list(overrides), config)
    except OmegaConfBaseException as error:  # as Hydra does where it calls this
        raise ConfigCompositionException().with_traceback(sys.exc_info()[2]) from error
    return config


def _numbered(full: DictConfig, overrides: Sequence[Override] | None, number: int) -> DictConfig:
    """With what the node ``hydra`` says of the job; of its ``overrides`` too, unless Hydra has set them."""
    with open_dict(full):
        full.hydra.job.id = str(number)
        full.hydra.job.num = number
        if overrides is not None:
            full.hydra.overrides.task = [override.input_line for override in overrides]
            _name(full, overrides)
    return full


def _name(full: DictConfig, overrides: Sequence[Override]) -> None:
    if OmegaConf.is_interpolation(full.hydra.job, "override_dirname"):  # Hydra 1.4 has a resolver for it
        return
    from hydra._internal.config_loader_impl import get_overrides_dirname

    how = full.hydra.job.config.override_dirname
    full.hydra.job.override_dirname = get_overrides_dirname(
        list(overrides), exclude_keys=how.exclude_keys, item_sep=how.item_sep, kv_sep=how.kv_sep
    )


def without_hydra(full: DictConfig) -> DictConfig:
    """Return a copy of a composed config without the node ``hydra``."""
    config = copy.deepcopy(full)
    with read_write(config), open_dict(config):
        config.pop("hydra", None)
    return config
