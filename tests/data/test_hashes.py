"""Many files by content: read once, remembered, wherever they lie."""

import errno
import hashlib
import json
import os

import pytest

from steadygan.common.errors import UserError
from steadygan.data.storage import hashes


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("STEADYGAN_CACHE", str(tmp_path / "cache"))
    hashes.look_again()


@pytest.fixture
def read(monkeypatch):
    found = []
    original = hashes._hash
    monkeypatch.setattr(hashes, "_hash", lambda path, step: (found.append(path.name), original(path, step))[1])
    return found


def write(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def test_they_are_sha256(tmp_path):
    base = write(tmp_path / "a", x="one", y="two" * 10**6)
    assert hashes.file_hashes(base, ("x", "y")) == [
        hashlib.sha256(text.encode()).hexdigest() for text in ("one", "two" * 10**6)
    ]


def test_only_what_changed_is_read_again(tmp_path, read):
    base = write(tmp_path / "a", x="one", y="two", z="three")
    first = hashes.file_hashes(base, ("x", "y", "z"))
    assert sorted(read) == ["x", "y", "z"]
    assert hashes.file_hashes(base, ("x", "y", "z")) == first
    assert len(read) == 3
    (base / "y").write_text("owt")
    os.utime(base / "y", ns=(1, 1))
    assert hashes.file_hashes(base, ("x", "y", "z"))[1] == hashlib.sha256(b"owt").hexdigest()
    assert read[3:] == ["y"]


def test_the_content_knows_names_and_bytes_but_not_the_place(tmp_path):
    one = hashes.content(write(tmp_path / "a", x="1", y="2"), ("x", "y"))
    assert hashes.content(write(tmp_path / "b", x="1", y="2"), ("x", "y")) == one
    assert hashes.content(write(tmp_path / "c", x="2", y="1"), ("x", "y")) != one
    assert hashes.content(write(tmp_path / "d", x="1", z="2"), ("x", "z")) != one
    assert hashes.content(tmp_path / "a", ("x", "y", "missing")) != one


def test_a_damaged_memory_is_forgotten(tmp_path, read):
    base = write(tmp_path / "a", x="one")
    first = hashes.file_hashes(base, ("x",))
    (memory,) = (tmp_path / "cache" / "hashes").iterdir()
    for text in ("{", "[]", ""):
        memory.write_text(text)
        assert hashes.file_hashes(base, ("x",)) == first
    assert len(read) == 4


def test_without_a_cache_they_are_read_each_time(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STEADYGAN_CACHE", str(tmp_path / "file"))
    base = write(tmp_path / "a", x="one")
    assert hashes.file_hashes(base, ("x",)) == [hashlib.sha256(b"one").hexdigest()]
    assert "read again next time" in caplog.text


def test_what_was_read_before_it_was_stopped_is_remembered(tmp_path, monkeypatch):
    base = write(tmp_path / "a", x="one", y="two")
    original = hashes._hash

    def interrupted(path, step):
        if path.name == "y":
            raise KeyboardInterrupt
        return original(path, step)

    monkeypatch.setattr(hashes, "_hash", interrupted)
    with pytest.raises(KeyboardInterrupt):
        hashes.file_hashes(base, ("x", "y"))
    read = []
    monkeypatch.setattr(hashes, "_hash", lambda path, step: (read.append(path.name), original(path, step))[1])
    hashes.file_hashes(base, ("x", "y"))
    assert read == ["y"]


# --- what cannot be read --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [errno.EACCES, errno.EIO, errno.ESTALE, errno.EMFILE])
def test_what_cannot_be_read_is_named_and_not_remembered(tmp_path, monkeypatch, error):
    base = write(tmp_path / "a", x="one", y="two", z="three")
    expected = [hashlib.sha256(text.encode()).hexdigest() for text in ("one", "two", "three")]
    original = hashes._hash

    def failing(path, step):
        if path.name in failing.names:
            raise OSError(error, os.strerror(error), str(path))
        return original(path, step)

    monkeypatch.setattr(hashes, "_hash", failing)
    failing.names = "yz"
    with pytest.raises(UserError, match=r"a: 2 of 3 files cannot be read(.|\n)*a/y: .*\n.*a/z: "):
        hashes.content(base, ("x", "y", "z"))
    (memory,) = (tmp_path / "cache" / "hashes").iterdir()
    assert set(json.loads(memory.read_text())) == {"x"}
    failing.names = "y"
    with pytest.raises(UserError, match=rf"a/y: cannot be read \({os.strerror(error)}\)"):
        hashes.content(base, ("x", "y", "z"))
    failing.names = ""
    assert hashes.file_hashes(base, ("x", "y", "z")) == expected


def test_a_file_that_cannot_be_looked_at_is_not_missing(tmp_path, monkeypatch):
    base, original = write(tmp_path / "a", x="one"), type(tmp_path).stat

    def denied(self, **options):
        if self.name == "x":
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return original(self, **options)

    with monkeypatch.context() as patch:
        patch.setattr(type(tmp_path), "stat", denied)
        with pytest.raises(UserError, match="a/x: cannot be read"):
            hashes.content(base, ("x",))
    assert hashes.file_hashes(base, ("x",)) == [hashlib.sha256(b"one").hexdigest()]


def test_what_an_older_version_remembered_as_missing_is_read(tmp_path):
    base = write(tmp_path / "a", x="one")
    first = hashes.file_hashes(base, ("x",))
    (memory,) = (tmp_path / "cache" / "hashes").iterdir()
    for entry in (lambda known: [*known[:2], "missing"], lambda known: known[:2], lambda known: 7):
        known = json.loads(memory.read_text())
        memory.write_text(json.dumps({"x": entry(known["x"])}))
        assert hashes.file_hashes(base, ("x",)) == first


def test_that_a_file_is_missing_is_never_remembered(tmp_path):
    base = write(tmp_path / "a", x="one", y="two")
    whole = hashes.file_hashes(base, ("x", "y"))
    stamp = (base / "y").stat()
    (base / "y").rename(base / "z")
    assert hashes.file_hashes(base, ("x", "y")) == [whole[0], "missing"]
    (base / "z").rename(base / "y")
    assert (base / "y").stat().st_mtime_ns == stamp.st_mtime_ns
    assert hashes.file_hashes(base, ("x", "y")) == whole


def test_a_pipe_is_refused_rather_than_waited_for(tmp_path):
    base = write(tmp_path / "a", x="one")
    os.mkfifo(base / "pipe.png")
    with pytest.raises(UserError, match=r"pipe\.png: no file"):
        hashes.content(base, ("pipe.png", "x"))


def test_names_need_not_be_utf_8(tmp_path):
    name = os.fsdecode(b"caf\xe9.png")
    base = write(tmp_path / "a", **{name: "one"})
    first = hashes.content(base, (name,))
    hashes.look_again()
    assert hashes.content(base, (name,)) == first
    assert hashes.content(write(tmp_path / "b", **{"caf\xe9.png": "one"}), ("caf\xe9.png",)) != first
