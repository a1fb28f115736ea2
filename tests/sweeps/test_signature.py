import re

import pytest

from steadygan.sweeps.signature import asked, key_of, label, run_directory, signature

CONFIG = {
    "seed": 0,
    "iterations": 100,
    "outputs": "outputs",
    "name": "runs",
    "logger": {"mode": "offline"},
    "engine": {},
    "retry": False,
    "checkpoint_every": 10,
    "method": None,
    "regularizer": {"r1": {"gamma": 1.0}},
    "trainer": {"accelerator": "cpu", "devices": 1, "threads": 1, "precision": 32},
}


@pytest.mark.parametrize(
    "change",
    [
        {"iterations": 5},
        {"outputs": "/elsewhere"},
        {"name": "other"},
        {"logger": {}},
        {"engine": {"members": 3}},
        {"retry": True},
        {"checkpoint_every": 7},
        {"seed": 0.0},
        {"regularizer": {"r1": {"gamma": 1}}},
        {"trainer": {"accelerator": "gpu", "devices": 8, "threads": 4, "precision": 32}},
    ],
)
def test_what_does_not_change_the_result_is_not_signed(change):
    assert signature({**CONFIG, **change}) == signature(CONFIG)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"regularizer": {"r1": {"gamma": 1.5}}},
        {"regularizer": {}},
        {"method": "r1"},
        {"trainer": {"precision": 64}},
    ],
)
def test_what_changes_the_result_is_signed(change):
    assert signature({**CONFIG, **change}) != signature(CONFIG)


def test_the_order_of_keys_does_not_matter():
    assert signature(dict(reversed(CONFIG.items()))) == signature(CONFIG)


class Folder:
    """Data that is known by its content."""

    @staticmethod
    def fingerprint(root, size):
        return {"size": size, "sha256": {"here": "abc", "there": "abc", "other": "def"}[root]}


def data(root, size=8):
    return {**CONFIG, "dataset": {"_target_": f"{__name__}.Folder", "root": root, "size": size}}


def test_data_counts_by_content_not_by_place(monkeypatch):
    monkeypatch.setattr("steadygan.sweeps.signature.resolve", lambda target: Folder)
    assert signature(data("here")) == signature(data("there"))
    assert signature(data("here")) != signature(data("other"))
    assert signature(data("here")) != signature(data("here", 16))


def test_keys_and_labels():
    given = ["+regularizer.r1.gamma=3", "seed=4", "name=x", "optimizer@optimizer.discriminator=sgld", "iterations=7"]
    assert [key_of(text) for text in given[:2]] == ["regularizer.r1.gamma", "seed"]
    assert key_of(given[3]) == "optimizer"
    assert asked(given) == [given[0], given[1], given[3]]
    assert label(None, given) == f"{given[0]} {given[3]}"
    assert label("r1", ["method=r1", "seed=1"]) == "r1"
    assert label(None, ["seed=1"]) == "default"


@pytest.mark.parametrize(
    "override",
    ["a.b=../../etc/passwd", "x='a\"b'", "x=a\nb", "x=" + "long" * 100, "x=ünïcödé", "x=/abs", "x=.", "x=", "x=a,b=c"],
)
def test_names_stay_inside_the_folder(tmp_path, override):
    path = run_directory(tmp_path, "0123456789", [override])
    assert path.parent == tmp_path
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+_-]*-0123456789", path.name)
    assert len(path.name) < 120


def test_a_run_is_found_by_its_signature_alone(tmp_path):
    there = tmp_path / "any-name-0123456789"
    there.mkdir()
    assert run_directory(tmp_path, "0123456789", ["seed=3"]) == there
    assert run_directory(tmp_path, "9876543210", ["seed=3"]) == tmp_path / "seed-3-9876543210"
