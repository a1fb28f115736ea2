"""One call of an object of the user's own, whose faults are named by its key in the config."""

import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from steadygan.common.errors import UserError
from steadygan.config.node import PLAYERS, Built, Config
from steadygan.config.protocols import PAGE
from steadygan.config.targets import metric_nodes

T = TypeVar("T")

COUNT = 3
"""Examples that a method is tried on; odd, so that a wrong dimension is not right by chance."""

HERE = (str(Path(__file__).parents[2]), str(Path(torch.__file__).parent))


class Attempt(NamedTuple):
    """A call of an object of the user's own.

    Attributes:
        key: of the object in the config.
        what: the call, as the user reads it.
    """

    key: str
    what: str

    def error(self, text: str) -> UserError:
        """Return a message that begins with the key and the call."""
        return UserError(f"{self.key}: {self.what} {text}\n{PAGE}")

    def __call__(self, call: Callable[[], T]) -> T:
        """Return what ``call`` returns."""
        try:
            with torch.random.fork_rng(devices=[]):
                return call()
        except UserError:
            raise
        except Exception as error:
            line = (str(error).strip().splitlines() or [""])[0]
            raise self.error(f"fails: {type(error).__name__}: {line}{_line(error)}") from error

    def expect(self, value: Built, shape: tuple[int, ...], words: str, given: str = "examples") -> None:
        """Refuse anything but a float tensor of the ``shape``, made of ``COUNT`` of what is ``given``."""
        if isinstance(value, Tensor):
            if value.shape == shape and value.is_floating_point():
                return
            got = f"a tensor of shape {list(value.shape)} and type {value.dtype}"
        else:
            got = type(value).__name__
        raise self.error(f"gives {got} for {COUNT} {given}; must be {list(shape)}: {words}")

    def flows(self, value: Tensor, source: str) -> None:
        """Refuse a value that has no gradient: it would change nothing, or stop the run."""
        if not value.requires_grad:
            raise self.error(f"gives a value without a gradient: it does not depend on {source}")

    def like(self, made: Built, params: Mapping[str, Tensor]) -> None:
        """Refuse anything but tensors of the names and shapes of ``params``."""
        shapes = {name: value.shape for name, value in params.items()}
        if not isinstance(made, Mapping) or {name: value.shape for name, value in made.items()} != shapes:
            raise self.error("must give a dict of the same tensors, by the same names")


def is_ours(node: Config) -> bool:
    """Return whether a node's object is one of steadygan's."""
    return str(node.get("_target_", "steadygan.")).startswith("steadygan.")


def user_keys(config: Config) -> set[str]:
    """Return the keys of all objects that are not steadygan's."""
    nodes = {key: config[key] for key in ("loss", "noise", "game", "dataset", "logger", "ema")}
    nodes["discriminator.vote"] = config["discriminator"]["vote"]
    several = {"regularizer": config["regularizer"] or {}, "metrics": metric_nodes(config["metrics"])}
    several |= {group: {player: config[group][player] for player in PLAYERS} for group in ("network", "optimizer")}
    nodes |= {f"{group}.{name}": node for group, own in several.items() for name, node in own.items()}
    return {key for key, node in nodes.items() if not is_ours(node)}


def tried(node: Config, key: str, what: str, call: Callable[[], T]) -> T:
    """Return what ``call`` returns; it is an ``Attempt`` where the node's object is the user's own."""
    return call() if is_ours(node) else Attempt(key, what)(call)


def _line(error: Exception) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(HERE)]
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
