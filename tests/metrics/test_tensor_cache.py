"""The cache on disk: made once, never half, never wrong."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from steadygan.metrics.features.cache import content_hash, load_or_make


def fails():
    raise AssertionError("made again")


def test_made_once_and_read_with_the_same_bits(tmp_path):
    path, value = tmp_path / "deep" / "a.pt", torch.randn(5, dtype=torch.float64)
    assert torch.equal(load_or_make(path, lambda: {"x": value})["x"], value)
    assert torch.equal(load_or_make(path, fails)["x"], value)
    assert torch.equal(torch.load(path, weights_only=True)["tensors"]["x"], value)


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "text", "other"])
def test_a_damaged_file_is_made_again(tmp_path, damage, caplog):
    path = tmp_path / "a.pt"
    load_or_make(path, lambda: {"x": torch.arange(1000.0)})
    content = bytearray(path.read_bytes())
    if damage == "flip":
        at = content.find(torch.arange(500.0, 520.0).numpy().tobytes())
        assert at > 0
        content[at] ^= 1
    damaged = {"cut": content[: len(content) // 2], "flip": content, "empty": b"", "text": b"no tensors"}
    if damage == "other":
        torch.save([1, 2], path)
    else:
        path.write_bytes(damaged[damage])
    assert torch.equal(load_or_make(path, lambda: {"x": torch.arange(1000.0)})["x"], torch.arange(1000.0))
    assert "damaged" in caplog.text
    load_or_make(path, fails)


def test_of_many_at_once_one_makes_it(tmp_path):
    made, start = [], threading.Barrier(4)

    def make():
        made.append(1)
        time.sleep(0.2)
        return {"x": torch.ones(3)}

    def ask(_):
        start.wait()
        return load_or_make(tmp_path / "a.pt", make)["x"].sum().item()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))) == [3.0] * 4
    assert len(made) == 1


def test_a_folder_that_cannot_be_written_is_no_obstacle(tmp_path, caplog):
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    assert load_or_make(blocker / "a.pt", lambda: {"x": torch.ones(1)})["x"] == 1
    assert "without the cache" in caplog.text


def test_the_hash_sees_values_names_types_shapes_and_settings():
    x = torch.arange(6.0)
    hashes = [
        content_hash({"x": x}),
        content_hash({"y": x}),
        content_hash({"x": x.view(2, 3)}),
        content_hash({"x": x.view(torch.int32)}),
        content_hash({"x": -x}),
        content_hash({"x": x}, {"steps": 1}),
    ]
    assert len(set(hashes)) == len(hashes)
    assert content_hash({"x": torch.stack([x, x], 1)[:, 0]}) == hashes[0]


def test_a_lock_whose_owner_was_killed_is_taken_over(tmp_path):
    lock = tmp_path / "a.lock"
    code = (
        "import os; from filelock import SoftFileLease; from steadygan.runs.locks import LEASE, TOUCH;"
        f"held = SoftFileLease({str(lock)!r}, lease_duration=LEASE, heartbeat_interval=TOUCH);"
        "held.acquire(); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert lock.exists()
    started = time.monotonic()
    assert load_or_make(tmp_path / "a.pt", lambda: {"x": torch.ones(1)})["x"] == 1
    assert time.monotonic() - started < 10


def test_of_two_processes_that_ask_for_one_reference_one_computes_it(tmp_path):
    """Each says what it found and whether it made it; they start together."""
    code = (
        "import sys, time, pathlib, torch\n"
        "from steadygan.metrics.features.cache import load_or_make\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "made = []\n"
        "def make():\n"
        "    made.append(1); time.sleep(1.0)\n"
        "    return {'x': torch.full((3,), float(sys.argv[2]))}\n"
        "(folder / f'ready{sys.argv[2]}').touch()\n"
        "while len(list(folder.glob('ready*'))) < 2: time.sleep(0.01)\n"
        "found = load_or_make(folder / 'a.pt', make)['x']\n"
        "print(len(made), *found.tolist())\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    both = [subprocess.Popen([*command, number], stdout=subprocess.PIPE, text=True) for number in "12"]
    said = [process.communicate(timeout=60)[0].split() for process in both]
    assert sorted(made for made, *_ in said) == ["0", "1"]
    owner = 1 + [made for made, *_ in said].index("1")
    assert [values for _, *values in said] == [[f"{owner}.0"] * 3] * 2
