"""Checkpoints: plain tensors and numbers, written atomically, loaded with ``weights_only=True``."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from steadygan.engines.step import PLAYERS
from steadygan.engines.trained import Trained
from steadygan.errors import UserError
from steadygan.files import write_atomically

FORMAT = 1


def save(path: Path, gan: Trained, signature: str, seconds: float) -> None:
    """Everything that is not a function of (seed, iteration)."""
    checkpoint = {
        "format": FORMAT,
        "signature": signature,
        "iteration": gan.iteration,
        "seconds": seconds,
        "state_dict": gan.state_dict(),
        "rules": {player: gan.state[player]["rule"] for player in PLAYERS},
        "window": gan.window.state(),
    }
    write_atomically(path, lambda file: torch.save(checkpoint, file))


def load(path: Path) -> dict[str, Any]:
    """A checkpoint's contents, on the CPU.

    Raises:
        UserError: the file is missing, truncated, or not a checkpoint of ours.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no checkpoint") from error
    except Exception as error:  # torch.load raises half a dozen kinds for a damaged file
        raise UserError(f"{path}: not a checkpoint that can be read ({_first_line(error)})") from error
    if not isinstance(checkpoint, dict) or checkpoint.get("format") != FORMAT:
        raise UserError(f"{path}: not a steadygan checkpoint of format {FORMAT}")
    return checkpoint


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def restore(gan: Trained, checkpoint: dict[str, Any]) -> None:
    """Put a checkpoint's state into a freshly built GAN."""
    saved = checkpoint["state_dict"]

    def fill(prefix: str, values: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: saved[f"{prefix}.{name}"].to(value.dtype) for name, value in values.items()}

    for player in PLAYERS:
        own = gan.state[player]
        own["params"], own["buffers"] = fill(player, own["params"]), fill(player, own["buffers"])
        own["rule"] = checkpoint["rules"][player]
    gan.state["ema"] = fill("generator_ema", gan.state["ema"])
    gan.state = tree_map(lambda t: t.to(gan.device) if isinstance(t, Tensor) else t, gan.state)
    gan.iteration = checkpoint["iteration"]
    gan.window.restore(checkpoint["window"])
