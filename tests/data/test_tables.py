"""What the labels of a table mean."""

import datetime
import json
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny_data
from steadygan.common.errors import UserError
from steadygan.data.huggingface import HuggingFace
from steadygan.data.parquet import Parquet
from steadygan.data.sources import tables
from steadygan.data.sources.tables import as_labels, in_order


def table(path, values, kind=None, names=None):
    pictures = tiny_data.pixels(len(values), 8, 8)
    cells = [{"bytes": tiny_data.encoded(picture), "path": None} for picture in pictures]
    image = pa.array(cells, pa.struct({"bytes": pa.binary(), "path": pa.string()}))
    columns = pa.table({"image": image, "kind": pa.array(values, kind)})
    features = {"image": {"_type": "Image"}}
    if names:
        features["kind"] = {"_type": "ClassLabel", "names": names}
    elif kind == pa.float64():
        features["kind"] = {"_type": "Value", "dtype": "float64"}
    columns = columns.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path.mkdir(exist_ok=True)
    pq.write_table(columns, path / "train.parquet")
    return path


def labels(path, **settings):
    data = Parquet(root=str(path), label="kind", size=8, **settings)
    return data.examples("train")[1].tolist(), data.num_classes


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), pa.int8(), pa.int64(), pa.string(), pa.decimal128(9, 2)])
def test_twelve_classes_are_themselves_however_they_are_written(tmp_path, kind):
    values = [*range(11, -1, -1), 2, 10]
    written = [str(value) if kind == pa.string() else value for value in values]
    assert labels(table(tmp_path, written, kind)) == (values, 12)


def test_the_library_orders_floats_as_we_do(tmp_path):
    pytest.importorskip("datasets")
    values = [11.0, 2.0, 10.0, 1.0, *map(float, range(12))]
    root = table(tmp_path / "set", values, pa.float64())
    theirs = HuggingFace(name=str(root), root=str(tmp_path / "cache"), label="kind", size=8)
    assert theirs.examples("train")[1].tolist() == [int(value) for value in values]
    assert theirs.num_classes == 12


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([10**9, 7, 10**9], [1, 0, 1]),
        ([0.5, -0.0, 2.5], [1, 0, 2]),
        (["pear", "apple", "fig"], [2, 0, 1]),
        (["10", "9", "b"], [0, 1, 2]),
        (["1.5", "1", "01", "10"], [2, 1, 0, 3]),
        (["nan", "inf", "1"], [2, 1, 0]),
        ([True, False], [1, 0]),
        ([b"b", b"a"], [1, 0]),
        ([Decimal("10"), Decimal("9.5")], [1, 0]),
        ([datetime.date(2026, 1, 2), datetime.date(2025, 12, 31)], [1, 0]),
        ([10**400, 3], [1, 0]),
    ],
)
def test_a_label_is_the_place_of_its_value(values, expected):
    found, classes = as_labels(values, None, "x")
    assert (found.tolist(), found.dtype) == (expected, np.int64)
    assert [classes[label] for label in found] == values


@given(st.lists(st.integers(0, 10**12), min_size=1))
def test_the_order_of_numbers_is_that_of_all_their_spellings(values):
    expected = np.unique(np.array(values), return_inverse=True)[1].tolist()
    for spelled in (values, [float(value) for value in values], [str(value) for value in values]):
        assert as_labels(spelled, None, "x")[0].tolist() == expected


def test_a_label_of_a_thousand_million_asks_for_two_classes(tmp_path):
    assert labels(table(tmp_path, [3, 10**9, 3], pa.int64())) == ([0, 1, 0], 2)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1.0, None, float("nan"), 2.0], pa.float64()),
        ([1, None, None, 2], pa.int64()),
        (["a", None, None, "b"], None),
        (["a", "", "", "b"], None),
    ],
)
def test_missing_labels_are_named_and_counted(tmp_path, values, kind):
    with pytest.raises(UserError, match=r"column kind: 2 of 4 rows have no label .*dataset\.label=none"):
        labels(table(tmp_path, values, kind))


@pytest.mark.parametrize(
    ("values", "names", "words"),
    [
        ([-1, 0], None, "holds -1, and labels below 0"),
        ([-0.5, 1.0], None, "holds -0.5"),
        (["-1", "0", "10"], None, "holds -1, and labels below 0"),
        ([float("inf"), 1.0], None, "holds inf, which is no class"),
        ([[1], [2]], None, r"holds \[1\], and a label is one number or one word"),
        ([{"a": 1}], None, "one number or one word"),
        ([0, 3], ["a", "b"], "holds 3, and the table names 2 classes"),
        ([0, -1], ["a", "b"], "holds -1"),
        (list(range(101)), None, "101 different values in 101 rows, and there may be 100 classes"),
    ],
)
def test_what_is_no_class(monkeypatch, values, names, words):
    monkeypatch.setattr(tables, "MOST", 100)
    with pytest.raises(UserError, match=words):
        as_labels(values, names, "x.parquet, column kind")


def test_named_classes_stand_as_they_are(tmp_path):
    assert labels(table(tmp_path, [3, 1, 3], pa.int64(), list("abcd"))) == ([3, 1, 3], 4)


def test_what_labels_mean_is_signed(tmp_path):
    settings = {"root": str(tmp_path), "label": "kind"}
    table(tmp_path, [1, 2], pa.int64())
    assert Parquet.fingerprint(**settings)["labels_sha256"] is not None
    assert Parquet.fingerprint(root=str(tmp_path))["labels_sha256"] is None


def test_order():
    assert in_order(["b", "a", "b"]) == ["a", "b"]
    assert in_order([]) == []
