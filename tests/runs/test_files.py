import json
import stat

import pytest

from steadygan.common.errors import first_line
from steadygan.runs import files


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "summary.json"
    files.write_text(path, "old")

    def fail(file):
        file.write(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        files.write_atomically(path, fail)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["summary.json"]


def test_files_are_as_readable_as_any_other(tmp_path):
    files.write_text(tmp_path / "a", "x")
    (tmp_path / "b").write_text("x")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == stat.S_IMODE((tmp_path / "b").stat().st_mode)


def test_json_is_strict(tmp_path):
    files.write_json(tmp_path / "x.json", {"a": float("nan"), "b": [1.5, float("inf")], 3: {"c": (1, 2)}})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": None, "b": [1.5, None], "3": {"c": [1, 2]}}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"status": "unheard of"}', "null"])
def test_half_a_summary_is_none(tmp_path, text):
    (tmp_path / files.SUMMARY).write_text(text)
    assert files.read_summary(tmp_path) is None


def test_rows_without_a_file_or_with_a_torn_line(tmp_path):
    path = tmp_path / "metrics.csv"
    assert files.read_rows(path) == []
    path.write_text("a,b\n1,2\n3,")
    assert files.read_rows(path) == [{"a": "1", "b": "2"}]
    path.write_text("a,b")
    assert files.read_rows(path) == []


def test_a_folder_that_cannot_be_listed_is_named_once(tmp_path, monkeypatch, caplog):
    for name in ("b", "a", ".hidden", "locked"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "nowhere").symlink_to("nothing")
    assert files.folders_in(tmp_path) == [tmp_path / "a", tmp_path / "b", tmp_path / "locked"]
    assert files.folders_in(tmp_path / "none") == files.folders_in(tmp_path / "file") == []
    assert not caplog.text

    def denied(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(files.os, "scandir", denied)
    assert [files.folders_in(tmp_path / "locked") for _ in range(2)] == [[], []]
    assert caplog.text.count("locked: cannot be read (Permission denied), so what lies in it is left out") == 1


def test_the_first_line_of_an_error_is_there_also_where_it_has_no_message():
    assert first_line(ValueError("one\ntwo")) == "one"
    assert first_line(TimeoutError()) == "TimeoutError"
