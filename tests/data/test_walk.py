"""What lies below a folder: nothing is left out in silence."""

import errno
import os
import tempfile
from pathlib import Path

import pytest

from steadygan.common.errors import UserError
from steadygan.data.sources.walk import below, is_file, is_folder


@pytest.fixture
def denied(monkeypatch):
    """``denied(path, error)``: the system says no to looking at this path, until ``denied.clear()``."""
    errors = {}

    def guarded(function):
        def call(path, *args, **kwargs):
            if (error := errors.get(os.fspath(path))) is not None:
                raise OSError(error, os.strerror(error), os.fspath(path))
            return function(path, *args, **kwargs)

        return call

    monkeypatch.setattr(os, "scandir", guarded(os.scandir))
    monkeypatch.setattr(os, "stat", guarded(os.stat))

    def deny(path, error=errno.EACCES):
        errors[os.fspath(path)] = error

    deny.clear = errors.clear
    return deny


def some(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


def test_files_of_the_suffixes_at_any_depth_sorted(tmp_path):
    some(tmp_path, "b/x.PNG", "a/deep/y.jpg", "z.png", "notes.txt", ".hidden.png", ".git/x.png", "a/.cache/x.png")
    (tmp_path / "folder.png").mkdir()
    some(tmp_path, "folder.png/inside.png")
    assert below(tmp_path, (".png", ".jpg")) == ("a/deep/y.jpg", "b/x.PNG", "folder.png/inside.png", "z.png")


def test_links_are_followed_as_often_as_they_are_there_but_not_in_a_circle(tmp_path):
    some(tmp_path, "a/x.png", "a/deep/y.png")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "a" / "back").symlink_to(tmp_path)
    (tmp_path / "c.png").symlink_to("a/x.png")
    (tmp_path / "a" / "self.png").symlink_to("self.png")  # which no system can open
    found = ["deep/y.png", "self.png", "x.png"]
    assert below(tmp_path, (".png",)) == (*(f"{name}/{each}" for name in "ab" for each in found), "c.png")


def test_links_to_nowhere_are_listed_whatever_they_are_called(tmp_path):
    some(tmp_path, "x.png")
    (tmp_path / "cats").symlink_to("/no/such/folder")
    (tmp_path / "y.png").symlink_to("nothing.png")
    (tmp_path / ".lock").symlink_to("nothing")
    assert below(tmp_path, (".png",)) == ("cats", "x.png", "y.png")


@pytest.mark.parametrize("error", [errno.EACCES, errno.EIO, errno.ESTALE])
def test_a_folder_that_cannot_be_listed_is_named(tmp_path, denied, error):
    some(tmp_path, "a/x.png", "b/deep/y.png")
    denied(tmp_path / "b" / "deep", error)
    with pytest.raises(UserError, match=rf"b/deep/?: cannot be read \({os.strerror(error)}\)"):
        below(tmp_path, (".png",))
    denied.clear()
    assert len(below(tmp_path, (".png",))) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_as_somebody_without_permission(tmp_path):
    """What the system itself does: folders that may not be listed, entered, or looked at through a link."""
    with tempfile.TemporaryDirectory() as place:
        root = some(Path(place), "data/a/x.png", "data/b/y.png", "secret/cats/z.png")
        os.chmod(root, 0o755)
        (root / "data" / "cats").symlink_to(root / "secret" / "cats")
        for path, mode in ((root / "data" / "b", 0o311), (root / "secret", 0o600)):
            os.chmod(path, mode)
            os.seteuid(65534)
            try:
                with pytest.raises(UserError, match=r"cannot be read \(Permission denied\)"):
                    below(root / "data", (".png",))
            finally:
                os.seteuid(0)
            os.chmod(path, 0o755)
        os.seteuid(65534)
        try:
            assert below(root / "data", (".png",)) == ("a/x.png", "b/y.png", "cats/z.png")
        finally:
            os.seteuid(0)


def test_whether_there_is_a_file(tmp_path, monkeypatch, denied):
    some(tmp_path, "a/x.png")
    assert (is_folder(tmp_path / "a"), is_file(tmp_path / "a"), is_file(tmp_path / "a" / "x.png")) == (
        True,
        False,
        True,
    )
    assert not is_file(tmp_path / "a" / "x.png" / "y")
    assert not is_folder(tmp_path / "none")
    denied(tmp_path / "none")
    with pytest.raises(UserError, match="none: cannot be read"):
        is_folder(tmp_path / "none")
    with pytest.raises(UserError, match="cannot be read"):
        is_folder(tmp_path / "a\0b")
