"""Data by content: what the bytes are, wherever they lie."""

from steadygan.runs.files import file_hash

__all__ = ["file_hash"]
