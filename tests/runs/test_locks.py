"""One launch at a time works on a run: owners that live, that died, and that went silent on another machine."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from steadygan.runs import files, locks

OWNER = """
import sys, time
from pathlib import Path
from steadygan.runs import locks
with locks.hold([Path(run) for run in sys.argv[1:]]) as owners:
    print(len(owners), flush=True)
    time.sleep(100)
"""

MARKER = "filelock/2\npid={pid}\nhost={host}\nmode=lease\ntoken=0123456789abcdef\nduration={lease!r}\n"
"""What an owner on another machine has written."""


def marker(run, host="node7", pid=12):
    (run / files.LOCK).write_text(MARKER.format(pid=pid, host=host, lease=locks.LEASE))


@pytest.fixture
def owner():
    """``owner(run)``: another process that holds the lock of a run."""
    started = []

    def call(*runs):
        process = subprocess.Popen([sys.executable, "-c", OWNER, *map(str, runs)], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "0\n"
        return process

    yield call
    for process in started:
        process.kill()
        process.wait()


def test_a_lock_is_gone_when_it_is_given_back(tmp_path):
    run = tmp_path / "run"
    with locks.hold([run]) as owners:
        assert owners == {}
        assert (run / files.LOCK).exists()
        with locks.hold([run]) as again:
            assert list(again) == [run], "not even the same process has it twice"
    assert list(run.iterdir()) == []


def test_an_owner_that_lives_is_named_and_one_that_was_killed_is_taken_over_at_once(tmp_path, owner):
    process = owner(tmp_path)
    for _ in range(2):
        with locks.hold([tmp_path]) as owners:
            assert f"process {process.pid}" in owners[tmp_path]
    assert f"process {process.pid}" in locks.Others().owner(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (tmp_path / files.LOCK).exists(), "the lock of the dead is still there"
    before = time.monotonic()
    with locks.hold([tmp_path]) as owners:
        assert owners == {}
    assert time.monotonic() - before < 5


def test_a_process_number_that_was_given_to_somebody_else_is_no_sign_of_life(tmp_path, owner):
    process = owner(tmp_path)
    text = (tmp_path / files.LOCK).read_text()
    process.kill()
    process.wait()
    # The number of a process that lives, but the start of the one that died.
    (tmp_path / files.LOCK).write_text(text.replace(f"pid={process.pid}", f"pid={os.getppid()}"))
    with locks.hold([tmp_path]) as owners:
        assert owners == {}


def test_all_locks_or_none(tmp_path, owner):
    runs = [tmp_path / name for name in "abc"]
    runs[1].mkdir()
    owner(runs[1])
    with locks.hold(runs) as owners:
        assert list(owners) == [runs[1]]
        assert [(run / files.LOCK).exists() for run in runs] == [False, True, False]


def test_an_owner_on_another_machine_is_dead_when_it_was_silent_for_the_lease(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "LEASE", 0.6)
    monkeypatch.setattr(locks, "TOUCH", 0.1)
    marker(tmp_path)
    others, began = locks.Others(), time.monotonic()
    assert others.owner(tmp_path) == "node7, process 12"
    for beat in range(8):  # it is touched, whatever the clock that touches it says
        time.sleep(0.1)
        os.utime(tmp_path / files.LOCK, (began, began + beat))
        assert others.owner(tmp_path) == "node7, process 12"
    with locks.hold([tmp_path]) as owners:
        assert owners, "one look is not enough"
    deadline = time.monotonic() + 10
    while others.owner(tmp_path):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not (tmp_path / files.LOCK).exists()


def test_who_waits_is_told_for_whom_and_gets_the_lock(tmp_path, monkeypatch, owner):
    monkeypatch.setattr(locks, "PAUSE", 0.05)
    process, reported = owner(tmp_path), []
    threading.Timer(0.3, process.kill).start()
    threading.Thread(target=process.wait, daemon=True).start()
    with locks.hold([tmp_path], patience=30, waits=reported.append) as owners:
        assert owners == {}
    assert len(reported) == 1
    assert f"process {process.pid}" in reported[0]


def test_a_lock_that_was_taken_away_is_noticed_and_the_new_owner_keeps_it(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "LEASE", 0.6)
    monkeypatch.setattr(locks, "TOUCH", 0.05)
    with locks.hold([tmp_path]):
        locks.check(tmp_path)
        (tmp_path / files.LOCK).unlink()
        marker(tmp_path)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                locks.check(tmp_path)
            except locks.LockLost:
                break
            time.sleep(0.02)
        else:
            pytest.fail("it was not noticed")
    assert "node7" in (tmp_path / files.LOCK).read_text()
    locks.check(tmp_path)  # of no concern to a process that does not hold it


def test_of_many_that_take_over_a_dead_owners_lock_one_gets_it(tmp_path, owner):
    """Each taker adds one to a counter in a file, unprotected but for the lock: no addition may be lost."""
    counter, rounds, takers = tmp_path / "counter", 12, 3
    counter.write_text("0")
    script = f"""
import random, sys, time
from pathlib import Path
from steadygan.runs import locks
run, counter, done = Path(sys.argv[1]), Path(sys.argv[2]), 0
while done < {rounds}:
    with locks.hold([run]) as owners:
        if owners:
            continue
        value = int(counter.read_text())
        time.sleep(random.random() / 500)
        counter.write_text(str(value + 1))
        done += 1
"""
    process = owner(tmp_path)
    started = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path), str(counter)], stderr=subprocess.PIPE)
        for _ in range(takers)
    ]
    process.kill()
    process.wait()
    for each in started:
        assert each.wait(60) == 0, each.stderr.read().decode()
    assert int(counter.read_text()) == rounds * takers
