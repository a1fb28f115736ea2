"""Pickles of arrays are read; pickles that would run something are not."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from steadygan.common.errors import UserError
from steadygan.data.sources.unpickle import load_arrays


def store(path, value, protocol):
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_come_back(tmp_path, protocol):
    value = {b"data": np.arange(24, dtype=np.uint8).reshape(4, 6), b"labels": [3, 1], b"name": b"\xff\x00", b"x": 1.5}
    found = load_arrays(store(tmp_path / "a", value, protocol))
    assert found.keys() == value.keys()
    assert np.array_equal(found[b"data"], value[b"data"])
    assert found[b"data"].dtype == np.uint8
    assert (found[b"labels"], found[b"name"], found[b"x"]) == ([3, 1], b"\xff\x00", 1.5)


def test_what_python_2_wrote(tmp_path):
    """Protocol 2 by hand, as cPickle of Python 2 writes it: SHORT_BINSTRING, and numpy's module of that time."""
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntU\x01btR(I1\n(I3\ntcnumpy\ndtype\n"
    array += b"(U\x02u1I0\nI1\ntR(I3\nU\x01|NNNI-1\nI-1\nI0\ntbI00\nU\x03\x01\x02\xfftb"
    path = tmp_path / "data_batch_1"
    path.write_bytes(b"\x80\x02}U\x04data" + array + b"s.")
    assert load_arrays(path)[b"data"].tolist() == [1, 2, 255]


class Runs:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("function", [os.mkdir, Path, eval, getattr, np.load, pickle.loads, np.fromfile])
def test_nothing_else_is_run(tmp_path, protocol, function):
    target = tmp_path / "made"
    arguments = (f"__import__('os').mkdir({str(target)!r})",) if function is eval else (str(target),)
    path = store(tmp_path / "evil", {b"data": Runs(function, *arguments)}, protocol)
    with pytest.raises(UserError, match=r"evil: damaged, or no pickle of arrays \(asks for "):
        load_arrays(path)
    assert not target.exists()


def test_no_codec_is_loaded_by_name(tmp_path):
    import _codecs

    path = store(tmp_path / "a", Runs(_codecs.encode, "text", "zlib"), 2)
    with pytest.raises(UserError, match="codec zlib"):
        load_arrays(path)


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x02}", b"not a pickle", b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xff"]
)
def test_damage_is_the_users_to_know(tmp_path, content):
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"{path}: damaged"):
        load_arrays(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        load_arrays(tmp_path / "a")
