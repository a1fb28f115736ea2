"""The configs of a multirun, composed quickly.

Hydra takes a fifth of a second for each job. Jobs that differ in nothing but the values of existing keys are
composed by Hydra once; the others of their kind are copies in which the values are set as Hydra sets them.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf, open_dict, read_write


@dataclass(frozen=True)
class Composed:
    """A job's ``config`` (without the node ``hydra``), and the ``full`` config that Hydra made for its kind.

    ``full`` is shared by the jobs of a kind: its config groups are this job's, its values may be another's.
    """

    config: DictConfig
    full: DictConfig


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
        self._kinds: dict[tuple, Composed] = {}
        self._groups: dict[str, bool] = {}
        self._parsed: dict[str, Override] = {}
        self._shown: DictConfig | None = None

    def compose(self, overrides: Sequence[str]) -> Composed:
        """What ``load_sweep_config`` makes of one job's overrides, less the node ``hydra``.

        Raises:
            HydraException: as Hydra's own composition does.
        """
        plain, rest = [], []
        for override in map(self._parse, overrides):
            (plain if self._is_plain(override) else rest).append(override)
        kind = (
            tuple(override.input_line for override in rest),
            tuple((override.key_or_group, isinstance(override.value(), list)) for override in plain),
        )
        if kind not in self._kinds:
            full = self._loader.load_sweep_config(self._master, list(overrides))
            self._kinds[kind] = Composed(_without_hydra(full), full)
        known = self._kinds[kind]
        config = copy.deepcopy(known.config)
        for override in plain:
            OmegaConf.update(config, override.key_or_group, override.value(), merge=True)
        return Composed(config, known.full)

    def show(self, composed: Composed) -> None:
        """Make the job's config that of ``HydraConfig``; it is copied, so only where the one before was another."""
        if composed.full is not self._shown:
            HydraConfig.instance().set_config(composed.full)
            self._shown = composed.full

    def _parse(self, text: str) -> Override:
        if text not in self._parsed:
            (self._parsed[text],) = self._parser.parse_overrides([text])
        return self._parsed[text]

    def _is_plain(self, override: Override) -> bool:
        """Whether this sets one existing key to a value, or to a list of values."""
        value = override.value()
        items = value if isinstance(value, list) else [value]
        return (
            override.type == OverrideType.CHANGE
            and override.package is None
            and not override.is_sweep_override()
            and not override.is_hydra_override()
            and all(item is None or isinstance(item, str | int | float | bool) for item in items)
            and not self._is_group(override.key_or_group)
        )

    def _is_group(self, key: str) -> bool:
        if key not in self._groups:
            hydra = OmegaConf.to_container(self._master.hydra.overrides.hydra)
            name = self._master.hydra.job.config_name
            options = self._loader.get_group_options(key, results_filter=None, config_name=name, overrides=hydra)
            self._groups[key] = bool(options)
        return self._groups[key]


def _without_hydra(full: DictConfig) -> DictConfig:
    config = copy.deepcopy(full)
    with read_write(config), open_dict(config):
        del config["hydra"]
    return config
