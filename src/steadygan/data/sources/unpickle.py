"""Pickled arrays without running what a pickle asks for: only numpy's own reconstruction is allowed."""

import pickle
from pathlib import Path

import numpy as np
from numpy._core import multiarray, numeric

from steadygan.common.errors import UserError


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """In place of ``codecs.encode``, which loads any codec by name; Python 3 pickles bytes of protocol 2 with it."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"asks for the codec {encoding}")
    return text.encode("latin1")


ALLOWED: dict[tuple[str, str], object] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _encode,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): multiarray._reconstruct for core in ("core", "_core")},
    # what pickles of NumPy 2 name, which its stubs do not
    **{(f"numpy.{core}.numeric", "_frombuffer"): vars(numeric)["_frombuffer"] for core in ("core", "_core")},
}
"""All that a pickle may name."""


class _Arrays(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"asks for {module}.{name}, which is no array's")
        return ALLOWED[module, name]


def load_arrays(path: Path) -> object:
    """Load a pickle of dicts, lists, numbers, bytes and arrays; strings of Python 2 become bytes.

    One that asks for anything else is a ``UserError``.
    """
    try:
        with path.open("rb") as file:
            return _Arrays(file, encoding="bytes").load()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except Exception as error:  # a damaged pickle shows itself by almost any exception
        raise UserError(
            f"{path}: damaged, or no pickle of arrays ({error}). Delete it and put a whole copy in its place."
        ) from error
