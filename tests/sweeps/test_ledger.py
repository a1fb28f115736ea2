"""What a launch says and does beside what other launches do."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from ledger_jobs import Tiny, action
from steadygan import train
from steadygan.runs import files, locks
from steadygan.sweeps import executing, launching, ledger
from steadygan.sweeps.grouping import group
from tiny import silent


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(locks, "PAUSE", 0.05)


def console():
    return Console(file=io.StringIO(), width=200)


def launch(jobs, reported, function="ledger_jobs:play"):
    def run(some):
        return launching.run_all(function, some, workers=2, threads=1, console=reported)

    return ledger.until_done(run, jobs, ledger.plans(jobs, action), action, reported)


def holder(*runs):
    """A process that holds the locks of runs until it is killed."""
    script = "import sys, time; from pathlib import Path; from steadygan.runs import locks\n"
    script += "with locks.hold([Path(run) for run in sys.argv[1:]]): print(flush=True); time.sleep(100)"
    process = subprocess.Popen([sys.executable, "-c", script, *map(str, runs)], stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


def test_two_hundred_jobs_of_which_some_raise_and_some_diverge(tmp_path):
    does = ["raises"] * 20 + ["diverged"] * 10 + ["completed"] * 170
    jobs = [Tiny(tmp_path / str(i), str(i), word, seed=i) for i, word in enumerate(does)]
    jobs = jobs[::7] + [job for i, job in enumerate(jobs) if i % 7]
    reported = console()
    with pytest.raises(launching.SweepFailed, match="20 of 200 jobs failed") as caught:
        launch(jobs, reported)
    assert Counter(caught.value.statuses.values()) == {"completed": 170, "diverged": 10, "failed": 20}
    for job in jobs:
        assert files.read_summary(job.directory)["status"] == job.does.replace("raises", "failed")
        assert (job.directory / "ran").read_text() == "once\n"
        assert not (job.directory / files.LOCK).exists()
    text = reported.file.getvalue()
    assert "170 completed, 10 diverged, 20 failed" in text
    for job in jobs[:200]:
        if job.does == "raises":
            assert f"job {job.signature} is no good" in (job.directory / files.LOG).read_text()
            assert f"seed={job.seed}: {job.directory / files.LOG}" in text
    todo = ledger.plans(jobs, action)
    assert launching.describe(jobs, todo, 200).startswith("200 jobs: 200 skipped (170 completed, 10 diverged, 20 fail")


def test_two_launchers_at_once_run_every_job_once(tmp_path):
    jobs = [Tiny(tmp_path / str(i), str(i), "raises" if i == 3 else "completed", seed=i) for i in range(30)]
    outcomes = []

    def work():
        with pytest.raises(launching.SweepFailed) as caught:
            launch(jobs, console())
        outcomes.append(caught.value.statuses)

    both = [threading.Thread(target=work) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert [(job.directory / "ran").read_text() for job in jobs] == ["once\n"] * 30
    expected = {job.signature: "failed" if job.does == "raises" else "completed" for job in jobs}
    assert outcomes == [expected, expected], "each tells how all of them ended"


def test_what_another_launch_leaves_undone_is_taken_over(tmp_path):
    jobs = [Tiny(tmp_path / str(i), str(i), seed=i) for i in range(3)]
    other, reported = holder(jobs[0].directory, jobs[1].directory), console()
    todo = ledger.plans(jobs, action)
    assert [ledger.away(todo[job.signature]) for job in jobs] == [True, True, False]
    assert f"2 running elsewhere ({os.uname().nodename}" in launching.describe(jobs, todo, 3)
    assert f"running elsewhere ({todo['0'].partition(': ')[2]})" in ledger.table(jobs, todo).splitlines()[0]

    def end():
        while "waiting for 2 jobs that run elsewhere" not in reported.file.getvalue():
            time.sleep(0.05)
        files.write_json(jobs[0].directory / files.SUMMARY, {"status": "diverged", "iteration": 4})
        other.send_signal(signal.SIGKILL)
        other.wait()

    threading.Thread(target=end, daemon=True).start()
    assert launch(jobs, reported) == {"0": "diverged", "1": "completed", "2": "completed"}
    assert [(job.directory / "ran").exists() for job in jobs] == [False, True, True]


def test_the_table_before_a_launch_names_what_is_to_be_done_and_no_more_than_fits():
    jobs = [Tiny(Path("nowhere"), str(i), seed=i) for i in range(30)]
    todo = {job.signature: "resume" if job.seed == 7 else "skip: completed" if job.seed < 5 else "run" for job in jobs}
    shown = ledger.table(jobs, todo, 20).splitlines()
    assert len(shown) == 21
    assert shown[-1] == "and 5 more; --dry-run shows all"
    assert not any("skip" in line for line in shown)
    assert [line.split() for line in shown if "resume" in line] == [["resume", "r1", "seed=7", "0/10"]]
    assert len(ledger.table(jobs, todo).splitlines()) == 30


def test_the_status_of_all_jobs_on_disk(plan, tmp_path):
    jobs = [plan(f"seed={seed}", "iterations=10") for seed in range(4)]
    train.execute(jobs[0], lambda event: None)
    for job, status in ((jobs[1], "running"), (jobs[2], "failed")):
        job.directory.mkdir()
        (job.directory / files.CONFIG).write_text("x: 1\n")
        reported = {"status": status, "iteration": 3, "iterations": 10, "error": "ValueError: bad"}
        files.write_json(job.directory / files.SUMMARY, reported)
    other = holder(jobs[1].directory)
    reported = console()
    ledger.status(jobs, reported, once=True)
    other.kill()
    other.wait()
    lines = {line.split("  ")[0]: line for line in reported.file.getvalue().splitlines()[1:5]}
    assert set(lines) == {"completed", "running", "failed", "waiting"}
    assert "seed=0  10/10" in lines["completed"]
    assert f"process {other.pid}" in lines["running"]
    assert "ValueError: bad" in lines["failed"]
    assert "seed=3  0/10" in lines["waiting"]
    # More iterations were asked for: what is completed is not over.
    more = [plan("seed=0", "iterations=20")]
    assert [(run.status, run.iteration, run.iterations) for run in ledger.Ledger(more).look().runs] == [
        ("waiting", 10, 20)
    ]


# --- real runs ------------------------------------------------------------------------------------------------------


HELPERS = Path(__file__).parents[1] / "helpers"
TINY = ["network.width=8", "network.latent=4", "batch_size=8", "iterations=6", "checkpoint_every=3"]


def test_a_run_that_another_launch_works_on_is_left_alone_and_one_it_has_ended_is_not_run_again(plan):
    job, reported = plan(*TINY), []
    other = holder(job.directory)
    assert train.execute(job, reported.append) == locks.ELSEWHERE
    assert f"process {other.pid}" in reported[0]["text"]
    assert [path.name for path in job.directory.iterdir()] == [files.LOCK]
    other.kill()
    other.wait()
    assert train.execute(job, silent) == "completed"
    before = (job.directory / files.CHECKPOINT).stat().st_mtime_ns
    assert train.execute(job, silent) == "completed", "planned before it was completed elsewhere"
    assert (job.directory / files.CHECKPOINT).stat().st_mtime_ns == before


def test_a_population_is_trained_with_all_its_locks_or_not_at_all(plan):
    jobs = [plan(*TINY, f"seed={seed}") for seed in range(3)]

    def groups(some):
        return group(some, workers=1, most=lambda job: 10, compile=False)

    other = holder(jobs[1].directory)
    (formed,) = groups(jobs)
    assert executing.execute_group(formed, silent) == {job.signature: locks.ELSEWHERE for job in jobs}
    assert not any((job.directory / files.CONFIG).exists() for job in jobs)
    other.kill()
    other.wait()
    assert train.execute(jobs[1], silent) == "completed"
    statuses = executing.execute_group(formed, silent)
    assert [statuses[job.signature] for job in jobs] == [locks.ELSEWHERE, "completed", locks.ELSEWHERE]
    (formed,) = groups([jobs[0], jobs[2]])
    assert set(executing.execute_group(formed, silent).values()) == {"completed"}
    assert not any((job.directory / files.LOCK).exists() for job in jobs)


def test_a_run_that_was_taken_over_writes_nothing_any_more(plan, monkeypatch):
    """Its machine slept for longer than the lease, say, and another one goes on with the run."""
    monkeypatch.setattr(locks, "TOUCH", 0.02)
    job, reported = plan(*TINY, "iterations=100000", "log_every=50", "checkpoint_every=50"), []

    def take_away(event):
        reported.append(event)
        if event["kind"] == "progress" and event["iteration"] > 100:
            (job.directory / files.LOCK).unlink(missing_ok=True)
            other = job.directory / "other"
            other.write_text("the other's")
            other.rename(job.directory / files.LOCK)

    assert train.execute(job, take_away) == locks.ELSEWHERE
    assert "another launch has taken over" in reported[-1]["text"]
    assert files.read_summary(job.directory)["status"] == "running"
    assert not (job.directory / files.LOG).exists()
    assert (job.directory / files.LOCK).read_text() == "the other's"


def test_two_real_launchers_of_which_one_has_a_seed_more(tmp_path):
    counting = {"PYTHONPATH": str(HELPERS), "COUNTED": str(tmp_path / "counted")}

    def sweep(seeds):
        command = [sys.executable, "-m", "steadygan", "train", "-m", *TINY, "logger=none", "metrics=[]"]
        asked = [*command, f"outputs={tmp_path}", f"seed={seeds}", "name=both", "loss._target_=counted_loss.Counted"]
        asked += ["hydra.launcher.workers=1", "iterations=150"]
        out = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(asked, env={**os.environ, **counting}, **out)

    both = [sweep(seeds) for seeds in ("0,1", "0,1,2")]
    texts = [each.communicate(timeout=600)[0] for each in both]
    assert [each.returncode for each in both] == [0, 0], texts
    runs = sorted((tmp_path / "both").glob("*-*"))
    assert [files.read_summary(run)["status"] for run in runs] == ["completed"] * 3
    assert len(Path(counting["COUNTED"]).read_text().splitlines()) == 3 * 150, "every iteration was made once"
