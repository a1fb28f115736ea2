"""Many files by content: read once, remembered, wherever they lie."""

import hashlib
import os

import pytest

from steadygan.data import hashes


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("STEADYGAN_CACHE", str(tmp_path / "cache"))
    hashes.content.cache_clear()


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
