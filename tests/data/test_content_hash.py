"""Hashes of files by content."""

import hashlib
import os
from pathlib import Path

from steadygan.runs.files import file_hash


def test_it_is_the_sha256_of_the_bytes(tmp_path):
    path = tmp_path / "data"
    path.write_bytes(b"steady" * 10_000)
    assert file_hash(path) == hashlib.sha256(b"steady" * 10_000).hexdigest()


def test_it_is_read_once_until_the_file_changes(tmp_path, monkeypatch):
    path = tmp_path / "data"
    path.write_bytes(b"one")
    opened = []
    original = Path.open

    def watched(self, mode="r", *args, **kwargs):
        opened.extend([self] * (mode == "rb"))
        return original(self, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", watched)
    assert file_hash(path) == file_hash(path)
    assert len(opened) == 1
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    assert file_hash(path) == hashlib.sha256(b"two").hexdigest()
    assert len(opened) == 2
