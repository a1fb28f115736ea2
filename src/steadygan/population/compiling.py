"""Compiling a program, where it pays."""

import os
import shutil
import sys
from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from torch import nn

from steadygan.common.errors import bad_value
from steadygan.common.paths import cache_dir
from steadygan.common.ranges import count
from steadygan.common.typed import check_all, whole_number
from steadygan.config.node import Config
from steadygan.population.memory import layer_outputs
from steadygan.population.program import Programs
from steadygan.training.components import Components

PAYS = 1e11
"""Settings x iterations x batch size x parameters from which on compiling pays (measured: docs/populations.md)."""

CHUNK = Annotated[int | Literal["auto"], count]
CHOICES = ("auto", "true", "false")

CACHE = 1.6e6
"""Bytes of the discriminator's layers' outputs for one batch that one call had better stay below on a CPU: about a
core's second cache (measured: docs/populations.md)."""


def check(engine: Config) -> None:
    """Refuse what the node ``engine`` cannot mean; keys that it does not have are not asked for.

    Raises:
        UserError: naming the key.
    """
    _word(engine.get("compile", "auto"))
    check_all(engine, {"together": CHUNK}, "engine.")


def _word(choice: object) -> str:
    word = str(choice).lower()
    if word not in CHOICES:
        raise bad_value("engine.compile", choice, "no such choice", CHOICES)
    return word


def decide(choice: object, networks: Mapping[str, nn.Module], updates: int) -> tuple[bool, str]:
    """Return whether to compile, and why (not); the same answer every time on the same machine.

    Args:
        choice: ``auto``, true or false.
        networks: of one member.
        updates: settings x iterations x batch size.

    Raises:
        UserError: ``choice`` is none of ``CHOICES``.
    """
    word = _word(choice)
    if word != "auto":
        return word == "true", f"engine.compile={word}"
    if not has_compiler():
        return False, "there is no C++ compiler"
    layers = [layer for network in networks.values() for layer in network.modules()]
    if any(isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) for layer in layers):
        return False, "convolutions can take minutes to compile"
    size = sum(param.numel() for network in networks.values() for param in network.parameters())
    if updates * size < PAYS:
        return False, "too little to do to pay for it"
    return True, "the run is long enough to pay for it"


def at_once(choice: object, components: Components, batch_size: int, device: torch.device) -> int | None:
    """Return how many settings one call of a compiled program computes; None: all.

    Args:
        choice: a number, or ``auto``.
        components: of one member.
        batch_size: of one member.
        device: where it trains.

    Raises:
        UserError: ``choice`` is neither.
    """
    if choice != "auto":
        return whole_number("engine.together", choice)
    if device.type != "cpu":
        return None
    dtype = next(components.networks["discriminator"].parameters()).dtype
    outputs = layer_outputs(components.networks, dtype)["discriminator"] * components.algorithm.ensemble.members
    return max(1, round(CACHE / (outputs * batch_size * dtype.itemsize)))


def has_compiler() -> bool:
    """Return whether there is a C++ compiler where torch looks for one."""
    return shutil.which(os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")) is not None


PROGRAMS = 256
"""Programs of one population, at most: kinds of batches times stages."""


def compiled(programs: Programs) -> Programs:
    """Compile each program as one graph; compiled code is kept in the cache, for all processes.

    To dynamo all programs of all populations are versions of one function, of which it makes but a few: those of the
    populations before are forgotten, and this one may have as many as it needs.
    """
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_dir() / "inductor"))
    torch.compiler.reset()
    torch._dynamo.config.recompile_limit = PROGRAMS
    torch._dynamo.config.accumulated_recompile_limit = PROGRAMS
    return programs.wrapped(lambda program: torch.compile(program, fullgraph=True, dynamic=False))
