"""Configs of OmegaConf as plain containers."""

from omegaconf import DictConfig, OmegaConf

from steadygan.common.errors import UserError
from steadygan.config.node import Node


def plain(config: DictConfig, resolve: bool = False) -> Node:
    """Return a config in dicts and lists, its interpolations resolved where that is asked for."""
    made = OmegaConf.to_container(config, resolve=resolve)
    if not isinstance(made, dict):
        raise UserError(f"{made}: must be a group of settings")
    return {str(key): value for key, value in made.items()}
