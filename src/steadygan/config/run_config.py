"""The config in a run's folder, read so that nothing in it is run that is not trusted."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from omegaconf import OmegaConf

from steadygan.common.errors import UserError, first_line
from steadygan.config.node import Config, Node
from steadygan.runs import files, trust


def read(run: Path, trusted: Iterable[str] = (), unused: Collection[str] = ()) -> Node:
    """Read a run's ``config.yaml`` as plain containers, and check what it names.

    Nothing that it names was imported before it was found to be steadygan's own or trusted, so the result can be built
    and signed.

    Args:
        run: the run's folder.
        trusted: packages and objects that the user trusts beside steadygan's; those of ``STEADYGAN_TRUST`` are added.
        unused: keys that the caller neither builds nor signs, such as ``logger``; what they name is not checked.
    """
    path = run / files.CONFIG
    config = load(path)
    if "hydra" in config:
        raise UserError(
            f"{path}: hydra: refused; no run's config has settings of Hydra, which say what is done with it"
        )
    trust.check(_without(config, unused), path, trusted)
    return config


def _without(config: Config, keys: Collection[str], path: str = "") -> Config:
    """Return a config less the dotted keys."""
    return {
        key: _without(value, keys, f"{path}{key}.") if isinstance(value, Mapping) else value
        for key, value in config.items()
        if f"{path}{key}" not in keys
    }


def load(path: Path) -> Node:
    """Read the file alone, for those who show a config and build nothing."""
    try:
        config = OmegaConf.to_container(OmegaConf.load(path))
    except FileNotFoundError as error:
        raise UserError(f"{path}: the config of the run is missing") from error
    except Exception as error:  # a damaged file shows itself by any of OmegaConf's and YAML's exceptions
        raise UserError(f"{path}: cannot be read ({first_line(error)})") from error
    if not isinstance(config, dict) or not config:
        raise UserError(f"{path}: not the config of a run")
    return {str(key): value for key, value in config.items()}
