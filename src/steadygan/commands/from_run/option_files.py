"""The options of config groups, as overrides name them and as their files define them."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

import yaml
from omegaconf import DictConfig, OmegaConf

from steadygan.config.node import Config, leaves


def named_options(text: str) -> list[str]:
    """Return the options that an override of a group names, swept or not."""
    words = text.partition("=")[2].replace("[", ",").replace("]", ",").replace("'", "").replace('"', "").split(",")
    return [word.strip() for word in words if word.strip() and word.strip() != "null"]


def package_of(key: str) -> str:
    """Return where the key of an override puts what it sets."""
    group, at, package = key.partition("@")
    return package.removeprefix("_global_.") if at else group.replace("/", ".")


def targets(node: object) -> dict[str, str]:
    """Return all dotted names in a node, by key."""
    plain = OmegaConf.to_container(node) if isinstance(node, DictConfig) else node
    if not isinstance(plain, Mapping):
        return {}
    return {key: value for key, value in leaves(plain) if key.split(".")[-1] == "_target_"}


@lru_cache(maxsize=512)
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def content(path: Path) -> Config:
    """Return what an option's file holds."""
    loaded = yaml.safe_load(_text(path))
    return loaded if isinstance(loaded, dict) else {}


def is_global(path: Path) -> bool:
    """Return whether an option's file fills the whole config."""
    return "@package _global_" in _text(path)


def brought(path: Path) -> Iterator[str]:
    """Yield the options of other groups that an option's file chooses, as overrides."""
    for entry in content(path).get("defaults") or []:
        for other, value in entry.items() if isinstance(entry, Mapping) else ():
            target = str(other).removeprefix("override ").strip().lstrip("/").replace("@_global_.", "@")
            if not target.startswith("hydra"):
                yield f"{target}={value}"


def best_fit(options: Mapping[str, Path], node: Config) -> str | None:
    """Return the option with the targets of ``node`` and the most values in common, if any has."""
    have, wanted = dict(leaves(node)), targets(node)
    common = {
        name: sum(have.get(key) == value for key, value in leaves(content(path)))
        for name, path in options.items()
        if wanted and targets(content(path)) == wanted
    }
    best = max(common, key=common.__getitem__, default=None)
    return best if best is not None and common[best] else None
