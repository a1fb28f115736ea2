"""Checkpoints: plain tensors and numbers, written atomically, loaded with ``weights_only=True``."""

import errno
from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from steadygan.common.errors import UserError, first_line
from steadygan.config.node import PLAYERS
from steadygan.core.state import PlayerState, Stack, State
from steadygan.data.described import facts
from steadygan.runs.files import Unreadable, write_atomically
from steadygan.training.state import GANState

FORMAT = 2


def save(path: Path, gan: GANState, signature: str, seconds: float, written: Callable[[], None] = lambda: None) -> None:
    """Everything that is not a function of (seed, iteration).

    Args:
        path: of the file; it is the old one or the new one at any time.
        gan: what to save.
        signature: of its run.
        seconds: spent on the run so far.
        written: called when the new file is complete and on the disk, just before it takes its name.
    """
    checkpoint = {
        "format": FORMAT,
        "signature": signature,
        "iteration": gan.iteration,
        "seconds": seconds,
        "state_dict": gan.state_dict(),
        "rules": {player: gan.state.of(player).rule for player in PLAYERS},
        "more": more(gan.state),
        "window": gan.window.state(),
        "data": facts(gan.dataset),
    }
    write_atomically(path, lambda file: torch.save(checkpoint, file), written)


def load(path: Path) -> dict[str, Any]:
    """Return a checkpoint's contents, on the CPU.

    Raises:
        Unreadable: the file is there and cannot be opened.
        UserError: it is missing, truncated, or not a checkpoint of ours.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no checkpoint") from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # torch looked for the end of a truncated file
            raise UserError(f"{path}: not a checkpoint that can be read (truncated)") from error
        raise Unreadable(f"{path}: cannot be read ({error.strerror})") from error
    except UnpicklingError as error:  # torch's words advise to load it without the safeguard
        why = "damaged, or it holds more than tensors and numbers; nothing in it was run"
        raise UserError(f"{path}: not a checkpoint that can be read ({why})") from error
    except Exception as error:  # torch.load raises half a dozen kinds for a damaged file
        raise UserError(f"{path}: not a checkpoint that can be read ({first_line(error)[:200]})") from error
    if not isinstance(checkpoint, dict) or checkpoint.get("format") != FORMAT:
        raise UserError(f"{path}: not a steadygan checkpoint of format {FORMAT}")
    return _with_current_names(checkpoint)


def _with_current_names(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Rename what version 0.1 saved under other names: ``kept``, and ``there`` of the snapshots."""
    more = checkpoint.get("more")
    if isinstance(more, dict):
        if "kept" in more:
            more["aux_state"] = more.pop("kept")
        snapshots = more.get("snapshots")
        if isinstance(snapshots, dict) and "there" in snapshots:
            snapshots["active"] = snapshots.pop("there")
    return checkpoint


def restore(gan: GANState, checkpoint: dict[str, Any]) -> None:
    """Put a checkpoint's state into a freshly built GAN, or leave the GAN as it is.

    Raises:
        UserError: the checkpoint is of other networks, or incomplete.
    """
    saved = checkpoint.get("state_dict", {})

    def fill(prefix: str, values: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: _fitting(saved, f"{prefix}.{name}", value) for name, value in values.items()}

    state = gan.state
    try:
        rest = checkpoint["more"]
        for player in PLAYERS:
            params, buffers, _ = state.of(player)
            filled = PlayerState(fill(player, params), fill(player, buffers), checkpoint["rules"][player])
            state = state.with_player(player, filled)
        if snapshots := rest.get("snapshots"):
            rest = {**rest, "snapshots": Stack(**snapshots)}
        state = state._replace(ema=fill("generator_ema", state.ema), **rest)
        iteration, window = checkpoint["iteration"], checkpoint["window"]
        gan.window.restore(window)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"an incomplete checkpoint ({error!r})") from error
    gan.state = tree_map(lambda t: t.to(gan.device) if isinstance(t, Tensor) else t, state)
    gan.iteration = iteration


def more(state: State) -> dict[str, Any]:
    """Return what of a state is not in the ``state_dict`` or among the rules, as plain containers."""
    parts = {"last": state.last, "game": state.game, "aux_state": state.aux_state, "scheme": state.scheme}
    if state.snapshots:
        parts["snapshots"] = state.snapshots._asdict()
    return {name: value for name, value in parts.items() if value}


def _fitting(saved: dict[str, Tensor], name: str, like: Tensor) -> Tensor:
    if saved[name].shape != like.shape:
        raise UserError(f"a checkpoint of other networks ({name} is {list(saved[name].shape)})")
    return saved[name].to(like.dtype)
