"""The config that a command line describes."""

from collections.abc import Sequence

import hydra
from hydra import initialize_config_dir
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from steadygan.common.errors import UserError, first_line
from steadygan.common.paths import conf_dir
from steadygan.config.containers import plain
from steadygan.config.hydra_versions import BASE
from steadygan.config.network_keys import check_network
from steadygan.config.node import Node


def compose(overrides: Sequence[str]) -> Node:
    """Return the resolved config that ``steadygan train`` has with these overrides, as plain containers."""
    try:
        with initialize_config_dir(str(conf_dir()), **BASE):
            config = hydra.compose("config", list(overrides))
        resolved = plain(config, resolve=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(first_line(error)) from error
    check_network(config)
    return resolved
