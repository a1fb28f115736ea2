"""Compare GAN stabilisation methods over sweeps and seeds."""

from typing import TYPE_CHECKING

from steadygan.config import renamed

if TYPE_CHECKING:
    from steadygan.runs.loading import load

__all__ = ["load"]

__version__ = "0.1.0"
renamed.install()


def __getattr__(name: str) -> object:
    """Return ``steadygan.load``, imported when it is asked for: it needs torch, and ``import steadygan`` should not."""
    if name != "load":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from steadygan.runs.loading import load

    return load
