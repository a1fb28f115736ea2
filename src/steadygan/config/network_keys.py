"""Keys of the group ``network`` that no network takes: methods and presets bring some that not all networks have."""

import re

import yaml
from omegaconf import DictConfig, OmegaConf

from steadygan.common.errors import bad_value
from steadygan.common.paths import conf_dir
from steadygan.config.node import PLAYERS, Node

FOLDER = conf_dir() / "network"


def check_network(config: DictConfig) -> None:
    """Compare the keys of ``network`` with those that its nodes take over, by ``${network.KEY}``.

    Args:
        config: with its interpolations; resolved, nothing tells where a value went.
    """
    text = str(OmegaConf.to_container(config, resolve=False))
    handed_on = set(re.findall(r"\$\{(?:network\.|\.+)(\w+)\}", text))
    keys = [key for key in config.network if key not in PLAYERS and not key.startswith("_")]
    for key in keys:
        if key not in handed_on:
            value = config.network[key]
            shown = str(value).lower() if isinstance(value, bool) else value
            raise bad_value(f"network.{key}", shown, _problem(key, config, handed_on.intersection(keys)), _having(key))


def _problem(key: str, config: DictConfig, taken: set[str]) -> str:
    targets = dict.fromkeys(str(config.network[player].get("_target_")) for player in PLAYERS)
    return (
        f"the networks chosen ({', '.join(targets)}) have no such key, so it would do nothing. "
        f"Theirs: {', '.join(sorted(taken)) or 'none'}. ~network.{key} trains without it"
    )


def _having(key: str) -> list[str]:
    """Return the options of the group that have a key."""
    return [f"network={path.stem}" for path in FOLDER.glob("*.yaml") if key in _keys(path.stem)]


def _keys(option: str) -> set[str]:
    """Return those of an option's file and of the files that it begins with."""
    node: Node = yaml.safe_load((FOLDER / f"{option}.yaml").read_text(encoding="utf-8"))
    bases = [base for base in node.pop("defaults", []) if base != "_self_"]
    return set(node).union(*map(_keys, bases))
