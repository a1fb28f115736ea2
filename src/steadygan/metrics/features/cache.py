"""Tensors that take long to compute, kept on disk under a name made from what they depend on."""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import torch
from torch import Tensor

from steadygan.runs.files import write_atomically
from steadygan.runs.locks import lease

Tensors = dict[str, Tensor]

log = logging.getLogger("steadygan")


def content_hash(tensors: Mapping[str, Tensor], settings: object = None) -> str:
    """Return SHA-256 over names, types, shapes and bytes of ``tensors``, and over ``settings`` as JSON."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name in sorted(tensors):
        value = tensors[name].detach().cpu().contiguous()
        digest.update(f"\n{name} {value.dtype} {list(value.shape)}\n".encode())
        digest.update(value.reshape(-1).numpy().data)
    return digest.hexdigest()


def load_or_make(path: Path, make: Callable[[], Tensors]) -> Tensors:
    """Return the tensors stored at ``path``; made and stored where there are none or the file is damaged.

    Of several processes that ask at once one makes them and the others wait; the lock is one that a dead owner loses
    (``steadygan.runs.locks``). Where the folder cannot be written, they are made and not stored.
    """
    tensors = _load(path)
    if tensors is not None:
        return tensors
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(lease(path.with_suffix(".lock")))
        except OSError as error:
            log.warning("%s cannot be locked (%s); going on without the cache", path, error)
            return make()
        tensors = _load(path)
        if tensors is None:
            tensors = make()
            _store(path, tensors)
        return tensors


def _load(path: Path) -> Tensors | None:
    if not path.is_file():
        return None
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        if content_hash(stored["tensors"]) == stored["hash"]:
            return stored["tensors"]
    except Exception as error:  # a damaged file shows itself by almost any exception
        log.debug("reading %s: %r", path, error)
    log.warning("%s is damaged and is made again", path)
    return None


def _store(path: Path, tensors: Tensors) -> None:
    stored = {"tensors": tensors, "hash": content_hash(tensors)}
    try:
        write_atomically(path, lambda file: torch.save(stored, file))
    except OSError as error:
        log.warning("%s cannot be written (%s)", path, error)
