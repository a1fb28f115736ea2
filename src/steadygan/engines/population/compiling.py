"""Compiling a program, where it pays."""

import os
import shutil
import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from steadygan.engines.population.program import Programs
from steadygan.errors import bad_value
from steadygan.paths import cache_dir

PAYS = 3e11
"""Settings x iterations x batch size x parameters from which on compiling pays (measured: docs/populations.md)."""

CHOICES = ("auto", "true", "false")


def decide(choice: Any, networks: Mapping[str, nn.Module], updates: int) -> tuple[bool, str]:
    """Whether to compile, and why (not); the same answer every time on the same machine.

    Args:
        choice: ``auto``, true or false.
        networks: of one member.
        updates: settings x iterations x batch size.

    Raises:
        UserError: ``choice`` is none of ``CHOICES``.
    """
    word = str(choice).lower()
    if word not in CHOICES:
        raise bad_value("engine.compile", choice, "no such choice", CHOICES)
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


def has_compiler() -> bool:
    """Whether there is a C++ compiler where torch looks for one."""
    return shutil.which(os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")) is not None


def compiled(programs: Programs) -> Programs:
    """Each program as one graph; what has been compiled once is kept in the cache, for all processes."""
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_dir() / "inductor"))
    return programs.wrapped(lambda program: torch.compile(program, fullgraph=True, dynamic=False))
