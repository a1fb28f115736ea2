"""Shards: what is in them, what is decoded again and what is not, and what becomes of broken pictures."""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import tiny_data
from steadygan.common.errors import UserError
from steadygan.data.sources.folder import FolderSource, pictures
from steadygan.data.sources.pixels import View
from steadygan.data.storage import decoders, preparing
from steadygan.data.storage.shards import Shards

SCRIPT = Path(__file__).parents[1] / "helpers" / "preparing_script.py"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("STEADYGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(preparing, "SHARD_BYTES", 8 * 3 * 64 * 64)
    return tmp_path / "cache"


def some(folder, number=20):
    folder.mkdir()
    for place, image in enumerate(tiny_data.pixels(number, 70, 80)):
        (folder / f"{place:03d}.png").write_bytes(tiny_data.encoded(image))
    return FolderSource(folder)


def prepared(source, view=None, workers=1, corrupt="refuse", again=True):
    if again:
        preparing.remembered.cache_clear()
    return preparing.prepared(source, "train", view or View(64), workers, corrupt)


@pytest.fixture
def decoded(monkeypatch):
    """How many pictures were decoded here."""
    found = []
    original = View.of
    monkeypatch.setattr(View, "of", lambda self, payload: (found.append(1), original(self, payload))[1])
    return found


def test_shards_hold_every_picture_in_order(tmp_path):
    source = some(tmp_path / "a")
    shards = prepared(source)
    expected = np.stack([View(64).of(path.read_bytes()) for path in sorted((tmp_path / "a").iterdir())])
    assert [len(np.load(path)) for path in sorted(shards.folder.glob("*.npy"))] == [8, 8, 4]
    assert np.array_equal(shards.all(), expected)
    rows = np.array([19, 0, 7, 8, 7, 15, 16])
    assert np.array_equal(shards.gather(rows), expected[rows])
    assert (len(shards), shards.nbytes, shards.shape) == (20, expected.nbytes, (3, 64, 64))


def test_few_files_are_mapped_at_a_time(tmp_path, monkeypatch):
    from steadygan.data.storage import shards as module

    monkeypatch.setattr(module, "OPEN", 2)
    shards = prepared(some(tmp_path / "a"))
    assert np.array_equal(shards.gather(np.arange(20)[::-1]), shards.all()[::-1])
    assert len(shards._maps) == 2


def test_two_workers_make_what_one_makes(tmp_path, cache):
    source = some(tmp_path / "a")
    one = prepared(source).all()
    shutil.rmtree(cache / "images")
    assert np.array_equal(prepared(source, workers=2).all(), one)


def test_nothing_is_decoded_twice(tmp_path, decoded):
    source = some(tmp_path / "a")
    folder = prepared(source).folder
    assert len(decoded) == 20
    assert prepared(source).folder == folder
    assert len(decoded) == 20
    shutil.copytree(tmp_path / "a", tmp_path / "b")  # the same content elsewhere
    assert prepared(FolderSource(tmp_path / "b")).folder == folder
    assert len(decoded) == 20


@pytest.mark.parametrize(
    "view", [View(32), View(64, "none"), View(64, 50), View(64, resize="box"), View(64, channels=1)]
)
def test_another_view_is_another_set(tmp_path, view):
    source = some(tmp_path / "a", 2)
    assert prepared(source).folder != prepared(source, view).folder


def test_another_content_is_another_set(tmp_path):
    source = some(tmp_path / "a", 3)
    first = prepared(source).folder
    other = some(tmp_path / "b", 3)
    (tmp_path / "b" / "001.png").write_bytes(tiny_data.encoded(tiny_data.pixels(9, 8, 8)[0]))
    assert prepared(other).folder != first


def test_a_shard_that_is_damaged_is_made_again(tmp_path, decoded):
    source = some(tmp_path / "a")
    shards = prepared(source)
    expected = shards.all()
    (shards.folder / "index.json").unlink()
    path = shards.folder / "00001.npy"
    path.write_bytes(path.read_bytes()[:-1])
    (shards.folder / ".00002.npy.abc.tmp").write_bytes(b"of one that was killed")
    again = prepared(source)
    assert np.array_equal(again.all(), expected)
    assert len(decoded) == 28
    assert not list(again.folder.glob(".*"))


def broken(folder):
    (folder / "003.png").write_bytes((folder / "003.png").read_bytes()[:40])
    (folder / "012.png").write_bytes(b"no picture at all")


def test_broken_pictures_are_named_and_refused(tmp_path):
    source = some(tmp_path / "a")
    broken(tmp_path / "a")
    with pytest.raises(UserError) as error:
        prepared(source)
    first, *named, choices = str(error.value).splitlines()
    assert first == "dataset.corrupt=refuse: 2 of 20 images cannot be read:"
    assert [line.split(": ")[0] for line in named] == [str(tmp_path / "a" / name) for name in ("003.png", "012.png")]
    assert "cannot identify" in named[1]
    assert choices == "Valid choices: refuse, skip"  # not that one might have meant what one said


def test_broken_pictures_are_named_and_skipped(tmp_path, caplog, decoded):
    source = some(tmp_path / "a")
    whole = prepared(source).all()
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    broken(tmp_path / "b")
    damaged = FolderSource(tmp_path / "b")
    with pytest.raises(UserError):
        prepared(damaged)
    seen = len(decoded)
    with caplog.at_level(logging.WARNING, "steadygan"):
        shards = prepared(damaged, corrupt="skip")
    assert len(decoded) == seen, "what was decoded before it was refused stays"
    kept = [row for row in range(20) if row not in (3, 12)]
    assert shards.kept.tolist() == kept
    assert np.array_equal(shards.all(), whole[kept])
    assert "2 of 20 images cannot be read and are left out" in caplog.text
    assert "012.png" in caplog.text
    assert len((shards.folder / "broken.txt").read_text().splitlines()) == 2


def test_many_broken_ones_are_listed_in_a_file(tmp_path):
    source = some(tmp_path / "a")
    for path in (tmp_path / "a").iterdir():
        path.write_bytes(b"x")
    for corrupt in preparing.CORRUPT:
        with pytest.raises(UserError, match=r"20 of 20 images cannot be read(.|\n)*all in (?P<path>.*)broken.txt"):
            prepared(source, corrupt=corrupt)


def test_a_full_disk_is_told_before_anything_is_decoded(tmp_path, monkeypatch, decoded):
    source = some(tmp_path / "a")
    monkeypatch.setattr(preparing.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(UserError, match=r"0.0 GB of decoded images have to be written(.|\n)*STEADYGAN_CACHE"):
        prepared(source)
    assert not decoded


def test_a_cache_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    source = some(tmp_path / "a", 2)
    monkeypatch.setenv("STEADYGAN_CACHE", str(tmp_path / "file"))
    with pytest.raises(UserError, match=r"cannot be written(.|\n)*STEADYGAN_CACHE"):
        prepared(source)


def test_a_worker_that_dies_is_told(tmp_path, monkeypatch):
    source = some(tmp_path / "a")

    def killed(left, count, step):
        raise decoders.BrokenProcessPool("gone")

    monkeypatch.setattr(decoders, "_follow", killed)
    with pytest.raises(UserError, match=r"dataset.workers=2: .*was killed(.|\n)*dataset.workers=1"):
        prepared(source, workers=2)


def test_two_at_once_decode_once(tmp_path, decoded):
    source = some(tmp_path / "a")
    preparing.remembered.cache_clear()
    call = preparing.remembered.__wrapped__
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda _: call(source, source.content(), "train", View(64), 1, "refuse"), range(2)))
    assert len(decoded) == 20
    assert np.array_equal(made[0].all(), made[1].all())


@pytest.mark.parametrize(
    ("images", "side", "shards"), [(20_000, 48, 18), (162_770, 64, 65), (3_033_042, 64, 292), (5, 1024, 3)]
)
def test_there_is_work_for_all_workers_and_not_too_many_files(monkeypatch, images, side, shards):
    monkeypatch.setattr(preparing, "SHARD_BYTES", 128_000_000)
    size = preparing._rows(images, 3 * side * side)
    assert -(-images // size) == shards
    assert size * 3 * side * side <= 128_000_000


# --- errors that pass -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("corrupt", preparing.CORRUPT)
def test_an_error_of_the_disk_is_not_kept(tmp_path, monkeypatch, corrupt, cache):
    source = some(tmp_path / "a")
    original = Path.read_bytes

    def failing(self):
        if self.name == "012.png":
            raise OSError(5, "Input/output error", str(self))
        return original(self)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", failing)
        with pytest.raises(UserError, match=r"012.png: cannot be read \(Input/output error\)"):
            prepared(source, corrupt=corrupt)
    assert len(done(cache)) == 1, "the shard before is kept, that of the error is not"
    assert len(prepared(source, corrupt=corrupt)) == 20


@pytest.mark.parametrize("corrupt", preparing.CORRUPT)
def test_files_that_are_gone_for_a_moment(tmp_path, monkeypatch, corrupt):
    """Hashed, then gone while they are decoded, then back with the same times."""
    source = some(tmp_path / "a")
    source.content()
    (tmp_path / "a").rename(tmp_path / "away")
    with pytest.raises(UserError, match="changed while they were decoded"):
        prepared(source, corrupt=corrupt)
    (tmp_path / "away").rename(tmp_path / "a")
    shards = prepared(source, corrupt=corrupt)
    assert (len(shards), shards.broken) == (20, [])


def test_files_that_change_while_they_are_decoded(tmp_path, monkeypatch):
    source = some(tmp_path / "a")
    original = decoders.run

    def slow(*args):
        (tmp_path / "a" / "004.png").write_bytes((tmp_path / "a" / "005.png").read_bytes())
        return original(*args)

    with monkeypatch.context() as patch:
        patch.setattr(preparing, "run", slow)
        with pytest.raises(UserError, match="changed while they were decoded"):
            prepared(source)
    shards = prepared(source)
    assert np.array_equal(shards.all()[4], shards.all()[5])


def test_a_missing_file_is_looked_for_again(tmp_path, decoded):
    """Of a shard that was finished before the whole was."""
    source = some(tmp_path / "a")
    (tmp_path / "a" / "link").symlink_to("nowhere")
    pictures.cache_clear()
    shards = prepared(source, corrupt="skip")
    assert (len(shards), [(each.name, each.absent) for each in shards.broken]) == (
        20,
        [(str(tmp_path / "a" / "link"), True)],
    )
    (shards.folder / "index.json").unlink()
    count = len(decoded)
    assert prepared(source, corrupt="skip").broken == shards.broken
    assert len(decoded) - count == 5, "the shard that it belongs to, and no other"


# --- stopping -------------------------------------------------------------------------------------------------------


def many(folder, number=120):
    """Links to one picture that takes some milliseconds."""
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    (folder / "000.png").write_bytes(tiny_data.encoded(noise))
    for place in range(1, number):
        os.link(folder / "000.png", folder / f"{place:03d}.png")
    return FolderSource(folder)


def started(folder, workers):
    process = subprocess.Popen([sys.executable, SCRIPT, folder, str(workers)], stdout=subprocess.PIPE, text=True)
    first = process.stdout.readline().split()
    return process, [int(word) for word in first if word.isdigit()]


def wait_for(found, seconds=60):
    until = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


def done(cache):
    return sorted(cache.glob("images/*/*[0-9].json"))


def alive(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


@pytest.mark.parametrize(("workers", "number"), [(1, signal.SIGKILL), (2, signal.SIGKILL), (2, signal.SIGINT)])
def test_stopped_and_started_again_it_goes_on(tmp_path, cache, decoded, workers, number):
    source = many(tmp_path / "a")
    process, children = started(tmp_path / "a", workers)
    wait_for(lambda: len(done(cache)) >= 2)
    process.send_signal(number)
    process.wait(timeout=60)
    wait_for(lambda: not any(map(alive, children)))
    finished = len(done(cache))
    assert 2 <= finished < 15, "it was too fast to be stopped"
    times = {path: path.stat().st_mtime_ns for path in done(cache)}
    began = time.monotonic()
    shards = prepared(source)
    assert len(decoded) == 120 - 8 * finished
    assert time.monotonic() - began < 60, "the dead owner's lock was waited for"
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert len(shards) == 120
    assert np.array_equal(
        shards.gather(np.array([0, 119])), np.stack([View(64).of((tmp_path / "a/000.png").read_bytes())] * 2)
    )


def test_the_index_says_what_it_is_of(tmp_path):
    shards = prepared(some(tmp_path / "a", 2))
    reported = json.loads((shards.folder / "index.json").read_text())["settings"]
    assert (reported["source"], reported["split"], reported["size"], reported["crop"]) == (
        "FolderSource",
        "train",
        64,
        "square",
    )
    assert isinstance(Shards(shards.folder), Shards)
    assert pictures(tmp_path / "a") == ("000.png", "001.png")
