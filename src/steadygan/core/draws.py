"""Random draws as functions of (seed, stream, iteration): nothing to save, nothing to lose on resume.

A *stream* names what is drawn ("latent", "real", "noise/real", ...). Draws are made for the global batch; a process
of several keeps its slice. The draw does not depend on what ran before, on the number of processes or on the
engine; it does depend on the device's kind (CPU and CUDA have other generators) and on the dtype.
"""

import hashlib
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

_MASK = (1 << 64) - 1

Draw = Callable[[torch.Generator, tuple[int, ...], torch.dtype], Tensor | None]
"""``draw(generator, shape, dtype)``: noise for one batch of examples of ``shape`` = (B, ...)."""


@lru_cache(maxsize=4096)
def _stream_key(stream: str) -> int:
    return int.from_bytes(hashlib.blake2b(stream.encode(), digest_size=8).digest(), "little")


def _mix(value: int) -> int:
    """Mix the bits by the finaliser of SplitMix64: neighbouring inputs give unrelated outputs."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def stream_seed(seed: int, stream: str, iteration: int = 0) -> int:
    """Return a 64-bit seed for one draw; any whole numbers are welcome."""
    return _mix(_mix(_mix(int(seed) & _MASK) ^ _stream_key(stream)) + (int(iteration) & _MASK))


def generator(seed: int, stream: str, iteration: int = 0, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a fresh generator for one draw of one stream."""
    return torch.Generator(device=device).manual_seed(stream_seed(seed, stream, iteration))


def no_noise(generator: torch.Generator, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """For methods that use no randomness."""


def uniform(generator: torch.Generator, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """``[B]`` from U(0, 1): one number an example."""
    return torch.rand(shape[:1], generator=generator, dtype=dtype, device=generator.device)


def uniforms(count: int) -> Draw:
    """Return the draw of ``[B, count]`` from U(0, 1): so many numbers an example."""

    def draw(generator: torch.Generator, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        return torch.rand((shape[0], count), generator=generator, dtype=dtype, device=generator.device)

    return draw


def uniforms_and_normals(uniform: int, normal: int) -> Draw:
    """Return the draw of ``[B, uniform + normal]``: so many numbers from U(0, 1), then so many from N(0, 1)."""

    def draw(generator: torch.Generator, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        sizes, like = ((shape[0], uniform), (shape[0], normal)), {"dtype": dtype, "device": generator.device}
        parts = [made(size, generator=generator, **like) for made, size in zip((torch.rand, torch.randn), sizes)]
        return torch.cat(parts, 1)

    return draw


def normal_like(generator: torch.Generator, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """``[B, ...]`` from N(0, 1): one number a coordinate."""
    return torch.randn(shape, generator=generator, dtype=dtype, device=generator.device)


def normal_for_vectors(generator: torch.Generator, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor | None:
    """``normal_like`` for vectors ``[B, d]``, nothing for images ``[B, C, H, W]``."""
    return normal_like(generator, shape, dtype) if len(shape) == 2 else None
