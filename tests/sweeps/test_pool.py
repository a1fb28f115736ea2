"""Every promise of the pool, with real processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from steadygan.sweeps.pool import run_jobs

HELPERS = Path(__file__).parents[1] / "helpers"


def test_values_come_back_in_order_and_reports_become_events():
    events = []
    outcomes = run_jobs("pool_jobs:square", range(7), workers=3, on_event=events.append)
    assert [outcome.value for outcome in outcomes] == [0, 1, 4, 9, 16, 25, 36]
    assert {outcome.status for outcome in outcomes} == {"done"}
    for index in range(7):
        mine = [event for event in events if event.index == index]
        assert [event.kind for event in mine] == ["started", "report", "ended"]
        assert mine[1].data["iteration"] == index
        assert mine[2].outcome == outcomes[index]


def test_nothing_to_do():
    assert run_jobs("pool_jobs:square", [], workers=3) == []


def test_workers_persist_and_work_side_by_side():
    outcomes = run_jobs("pool_jobs:pid", range(6), workers=2)
    assert len({outcome.value for outcome in outcomes}) == 2


def test_threads_are_set_before_torch_is_imported_and_only_there(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    (outcome,) = run_jobs("pool_jobs:threads", [None], workers=1, threads=2)
    assert outcome.value == ("2", "2", 2)
    assert os.environ["OMP_NUM_THREADS"] == "1"
    assert "MKL_NUM_THREADS" not in os.environ


def test_a_job_that_goes_wrong_goes_alone():
    from pool_jobs import Unreadable

    unreadable = Unreadable()
    payloads = ["a", "raise", "kill", "exit", "unpicklable", "b", lambda: None, "kill", "c", unreadable]
    outcomes = run_jobs("pool_jobs:troubled", payloads, workers=2)
    assert [outcome.status == "done" for outcome in outcomes] == [text in ("a", "b", "c") for text in payloads]
    assert "ValueError: no good" in outcomes[1].error
    assert "Traceback" in outcomes[1].error
    assert "SIGKILL" in outcomes[2].error
    assert "about to go" in outcomes[2].error
    assert "SystemExit: 3" in outcomes[3].error
    assert "pickle" in outcomes[4].error
    assert "cannot be sent" in outcomes[6].error
    assert "SIGKILL" in outcomes[7].error
    assert "no number" in outcomes[9].error
    assert [outcome.died for outcome in outcomes] == [text == "kill" for text in payloads]


def test_a_function_that_is_not_there_fails_every_job():
    outcomes = run_jobs("pool_jobs:nothing", [1, 2], workers=2)
    assert all(outcome.status == "failed" and "AttributeError" in outcome.error for outcome in outcomes)


def test_handlers_of_the_caller_come_back():
    def mine(*_):
        pass

    before = signal.signal(signal.SIGINT, mine)
    try:
        run_jobs("pool_jobs:square", [1], workers=1)
        assert signal.getsignal(signal.SIGINT) is mine
    finally:
        signal.signal(signal.SIGINT, before)


def start(function, folder, jobs=4):
    environment = {**os.environ, "PYTHONPATH": str(HELPERS)}
    command = [sys.executable, str(HELPERS / "pool_jobs.py"), function, str(folder), str(jobs)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )


def wait_for(condition, seconds=20.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


def found(folder, what):
    return [path.name.split("-") for path in folder.glob(f"{what}-*")]


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize("to_group", [False, True], ids=["parent only", "whole group, as a terminal does"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_reaches_every_running_job_once_and_no_more_are_handed_out(tmp_path, number, to_group):
    driver = start("patient", tmp_path)
    wait_for(lambda: len(found(tmp_path, "ready")) == 2)
    (os.killpg if to_group else os.kill)(driver.pid, number)
    if number == signal.SIGHUP:  # the shell passes on what the terminal has said
        time.sleep(0.1)
        os.kill(driver.pid, number)
    out, err = driver.communicate(timeout=20)
    assert driver.returncode == 130, err
    assert err == ""
    ended = found(tmp_path, "preempted")
    assert [times for _, _, times in ended] == ["1", "1"]
    assert sorted(line for line in out.splitlines() if line.startswith("started")) == ["started 0", "started 1"]
    assert out.splitlines()[-1] == "interrupted"
    assert not any(alive(pid) for _, pid, _ in ended)


def test_a_signal_that_comes_before_the_job_has_its_handler_is_not_lost(tmp_path):
    (tmp_path / "late").touch()
    driver = start("patient", tmp_path)
    wait_for(lambda: len(found(tmp_path, "pid")) == 2)
    assert not found(tmp_path, "ready")
    os.kill(driver.pid, signal.SIGINT)
    driver.communicate(timeout=20)
    assert [times for _, _, times in found(tmp_path, "preempted")] == ["1", "1"]


def test_ctrl_c_while_the_workers_start_leaves_no_traceback(tmp_path):
    driver = start("patient", tmp_path)
    assert driver.stdout.readline().startswith("started")
    os.killpg(driver.pid, signal.SIGINT)
    _, err = driver.communicate(timeout=20)
    assert driver.returncode == 130
    assert err == ""


def test_the_second_ctrl_c_ends_the_workers_at_once(tmp_path):
    driver = start("stubborn", tmp_path)
    wait_for(lambda: len(found(tmp_path, "ready")) == 2)
    os.kill(driver.pid, signal.SIGINT)
    time.sleep(0.5)
    assert driver.poll() is None
    os.kill(driver.pid, signal.SIGINT)
    began = time.monotonic()
    driver.communicate(timeout=20)
    assert time.monotonic() - began < 3
    assert driver.returncode == 130
    assert not any(alive(pid) for _, pid in found(tmp_path, "ready"))


@pytest.mark.parametrize("function", ["patient", "stubborn"])
def test_no_worker_outlives_its_parent(tmp_path, function):
    driver = start(function, tmp_path)
    wait_for(lambda: len(found(tmp_path, "ready")) == 2)
    pids = [pid for _, pid in found(tmp_path, "ready")]
    assert all(alive(pid) for pid in pids)
    driver.kill()
    driver.communicate()
    wait_for(lambda: not any(alive(pid) for pid in pids), seconds=6)
    # a job with a handler had the time for its checkpoint
    assert len(found(tmp_path, "preempted")) == (2 if function == "patient" else 0)
