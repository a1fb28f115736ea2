"""Pictures of a generator's samples."""

from steadygan.pictures.samples import picture

__all__ = ["picture"]
