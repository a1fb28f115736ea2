"""Plans together, runs that are the same, what is said and what is left on disk."""

import contextlib
import io
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from rich.console import Console

from steadygan.common.errors import Interrupted, UserError
from steadygan.runs import files
from steadygan.sweeps import launching


@dataclass(frozen=True)
class Job:
    directory: Path
    signature: str
    does: str = "completed"
    label: str = "r1"
    seed: int = 0
    iterations: int = 10
    config: dict = field(default_factory=dict, compare=False)


def test_all_mistakes_are_told_at_once_each_once():
    def wrong(text):
        raise UserError(text)

    plans = [lambda: wrong("loss=x: no"), lambda: 1, lambda: wrong("lr=-1: no"), lambda: wrong("loss=x: no")]
    with pytest.raises(UserError) as caught:
        launching.collect(plans)
    assert str(caught.value) == "loss=x: no\n(in 2 of 4 jobs)\nlr=-1: no\n(in 1 of 4 jobs)"
    with pytest.raises(UserError, match=r"^loss=x: no$"):
        launching.collect(plans[:1])
    assert launching.collect(plans[1:2]) == [1]


def test_other_exceptions_are_not_swallowed():
    with pytest.raises(ZeroDivisionError):
        launching.collect([lambda: 1 / 0])


def test_the_first_of_the_same_runs_stays():
    jobs = [Job(Path("a"), "1"), Job(Path("b"), "2"), Job(Path("c"), "1")]
    assert launching.unique(jobs) == jobs[:2]


def ended(root, monkeypatch, *statuses, error=None):
    """What ``closing`` says of jobs with these statuses on disk, seen from the folder above ``root``."""
    monkeypatch.chdir(root.parent)
    jobs = [Job(root / str(index), str(index)) for index in range(len(statuses))]
    for job, status in zip(jobs, statuses):
        files.write_json(job.directory / files.SUMMARY, {"status": status})
    console = Console(file=io.StringIO(), width=20)
    with contextlib.suppress(launching.SweepFailed, Interrupted), launching.closing(jobs, console):
        if error:
            raise error
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("statuses", "error", "command"),
    [
        (["completed", "diverged"], None, "report"),
        (["completed", "failed"], launching.SweepFailed("1 of 2 jobs failed"), "report"),
        (["completed", "running"], None, "watch"),  # Slurm has it
        (["completed", "preempted"], Interrupted("stopped"), None),
    ],
)
def test_a_sweep_ends_with_its_folder_and_the_next_command(tmp_path, monkeypatch, statuses, error, command):
    said = ended(tmp_path / "my runs", monkeypatch, *statuses, error=error)
    assert said == (f"the runs are in my runs; next: steadygan {command} 'my runs'\n" if command else "")


def test_what_will_be_done_in_words():
    actions = ["run", "run", "resume", "extend", "skip: completed", "skip: completed", "skip: failed"]
    jobs = [Job(Path("a"), str(index)) for index in range(7)]
    todo = {str(index): action for index, action in enumerate(actions)}
    assert launching.describe(jobs, todo, requested=9) == (
        "7 jobs: 2 to run, 1 to resume, 1 to extend, 3 skipped (2 completed, 1 failed), 2 asked for more than once"
        "; retry=true runs the failed ones again"
    )
    assert launching.describe(jobs[:1], todo, requested=1) == "1 job: 1 to run"


def test_sweep_file(tmp_path):
    swept = {"seed": range(3), "regularizer": [[], ["r1"]], "noise": [None, "blur"]}
    launching.write_sweep(tmp_path / "a", "a", "Does it: really?", "steadygan sweep a 'x=[1,2]'", swept)
    assert yaml.safe_load((tmp_path / "a" / "sweep.yaml").read_text()) == {
        "name": "a",
        "question": "Does it: really?",
        "command": "steadygan sweep a 'x=[1,2]'",
        "commands": ["steadygan sweep a 'x=[1,2]'"],
        "swept": {"seed": [0, 1, 2], "regularizer": [[], ["r1"]], "noise": [None, "blur"]},
    }


def test_all_launches_stay_in_the_sweep_file(tmp_path):
    (tmp_path / "sweep.yaml").write_text("command: the first\n")  # as it was before all were kept
    for command in ("a", "b", "a"):
        launching.write_sweep(tmp_path, "x", "?", command, {})
    about = yaml.safe_load((tmp_path / "sweep.yaml").read_text())
    assert (about["command"], about["commands"]) == ("a", ["the first", "b", "a"])


def test_sweep_file_with_a_threshold(tmp_path):
    launching.write_sweep(tmp_path, "a", "?", "", {}, {"threshold": {"modes": "90 %", "kl": 0.1}})
    assert yaml.safe_load((tmp_path / "sweep.yaml").read_text())["threshold"] == {"modes": "90 %", "kl": 0.1}


def run(monkeypatch, tmp_path, does):
    from launching_jobs import Plain

    jobs = [Plain(tmp_path / str(seed), str(seed), word, seed=seed) for seed, word in enumerate(does)]
    console = Console(file=io.StringIO(), width=300)
    try:
        return launching.run_all("launching_jobs:play", jobs, workers=2, threads=1, console=console), console
    except Exception as error:
        return error, console


def test_diverged_runs_are_no_failure(monkeypatch, tmp_path):
    statuses, console = run(monkeypatch, tmp_path, ["completed", "diverged", "completed"])
    assert statuses == {"0": "completed", "1": "diverged", "2": "completed"}
    assert console.file.getvalue().splitlines()[-1] == "2 completed, 1 diverged"


def test_failed_runs_are_told_with_their_logs_after_the_others_ran(monkeypatch, tmp_path):
    error, console = run(monkeypatch, tmp_path, ["raise", "completed", "die", "logged", "completed"])
    assert isinstance(error, launching.SweepFailed)
    assert str(error) == "3 of 5 jobs failed"
    said = console.file.getvalue().splitlines()
    assert "2 completed, 3 failed" in said
    for seed in (0, 2, 3):
        assert f"failed: r1 seed={seed}: {tmp_path / str(seed) / 'log.txt'}" in said
    assert "ValueError: no good" in (tmp_path / "0" / "log.txt").read_text()
    assert "SIGKILL" in (tmp_path / "2" / "log.txt").read_text()
    assert (tmp_path / "3" / "log.txt").read_text() == "its own words"


def test_a_failure_that_leaves_no_log_is_told(monkeypatch, tmp_path):
    error, console = run(monkeypatch, tmp_path, ["no folder", "completed"])
    assert isinstance(error, launching.SweepFailed)
    assert "failed: r1 seed=0: OSError: cannot be written" in console.file.getvalue().splitlines()


def test_a_job_that_was_stopped_from_outside_is_not_done(monkeypatch, tmp_path):
    error, _ = run(monkeypatch, tmp_path, ["completed", "preempted"])
    assert isinstance(error, Interrupted)


def test_a_run_of_two_folders_is_a_job_of_each_and_one_folder_that_fails_leaves_the_other(tmp_path):
    """Within a round each signature is there once, since statuses and reports go by it."""
    names = [("a", "x"), ("a", "y"), ("b", "x"), ("a", "x"), ("b", "z"), ("c", "x")]
    jobs = [SimpleNamespace(signature=signature, directory=tmp_path / root / signature) for root, signature in names]
    assert launching.unique(jobs) == [*jobs[:3], *jobs[4:]]
    rounds = launching.rounds(launching.unique(jobs))
    assert [[launching.run_key(job) for job in part] for part in rounds] == [
        [(tmp_path / "a", "x"), (tmp_path / "a", "y"), (tmp_path / "b", "z")],
        [(tmp_path / "b", "x")],
        [(tmp_path / "c", "x")],
    ]
    assert launching.rounds([]) == [[]]
    ran = []

    def run(part, todo):
        ran.append(todo)
        if todo == "second":
            raise launching.SweepFailed("1 of 1 job failed")
        return {job.signature: f"completed {todo}" for job in part}

    with pytest.raises(launching.SweepFailed, match="1 of 1 job failed"):
        launching.one_after_the_other(run, list(zip(rounds, ("first", "second", "third"), strict=True)))
    assert ran == ["first", "second", "third"]
    ended = launching.one_after_the_other(run, [(rounds[0], "first"), (rounds[2], "third")])
    assert ended == {
        **{launching.run_key(job): "completed first" for job in rounds[0]},
        (tmp_path / "c", "x"): "completed third",
    }
