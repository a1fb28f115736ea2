import re

import pytest

from steadygan.runs.signature import READABLE, fitted, key_of, label, relevant, run_directory, signature

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
        {"horizon": 5},
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
    monkeypatch.setattr("steadygan.runs.signature.resolve", lambda target: Folder)
    assert signature(data("here")) == signature(data("there"))
    assert signature(data("here")) != signature(data("other"))
    assert signature(data("here")) != signature(data("here", 16))


def test_keys_and_labels():
    given = ["+regularizer.r1.gamma=3", "seed=4", "name=x", "optimizer@optimizer.discriminator=sgld", "iterations=7"]
    assert [key_of(text) for text in given[:2]] == ["regularizer.r1.gamma", "seed"]
    assert key_of(given[3]) == "optimizer"
    assert relevant(given) == [given[0], given[1], given[3]]
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


def test_a_renamed_run_is_found_by_what_is_in_it(tmp_path):
    for name, signed in (("the best one", "aaaaaaaaaa"), ("b-0123456789-old", "bbbbbbbbbb"), ("c-cccccccccc", "other")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "summary.json").write_text(f'{{"status": "completed", "signature": "{signed}"}}')
    assert run_directory(tmp_path, "aaaaaaaaaa", []).name == "the best one"
    assert run_directory(tmp_path, "bbbbbbbbbb", []).name == "b-0123456789-old"
    assert run_directory(tmp_path, "cccccccccc", []).name == "c-cccccccccc"
    assert run_directory(tmp_path, "0123456789", ["seed=1"]).name == "seed-1-0123456789"


def test_folders_that_are_named_by_signatures_are_not_opened(tmp_path, monkeypatch):
    for index in range(50):
        (tmp_path / f"seed-{index}-{index:010x}").mkdir()
    monkeypatch.setattr("steadygan.runs.files.read_summary", None)
    assert [run_directory(tmp_path, f"{index:010x}", []).name for index in (0, 49)] == ["seed-0-0000000000",
                                                                                      "seed-49-0000000031"]  # fmt: skip


def test_words_that_do_not_fit_are_cut_where_least_is_lost(tmp_path):
    words = [f"optimizer.of_player_{index}.rate-{index}" for index in range(5)]
    short = fitted(words, READABLE)
    assert len("_".join(short)) <= READABLE
    assert len(set(short)) == 5
    assert all(a[:8] == b[:8] and a[-3:] == b[-3:] for a, b in zip(short, words, strict=True))
    many = fitted([f"a.rather.long.key{index}-{index}" for index in range(40)], READABLE)
    assert len("_".join(many)) <= READABLE
    assert (many[0][-2:], many[-1][-3:]) == ("-0", "-39")
    assert fitted(["a-1", "b-2"], READABLE) == ["a-1", "b-2"]
    assert fitted([], READABLE) == []
