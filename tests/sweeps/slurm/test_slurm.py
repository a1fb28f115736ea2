"""What is submitted, found again and told, with commands in Slurm's place that answer as it does."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console
from submitit.helpers import DelayedSubmission

from hydra_plugins.steadygan.slurm import SlurmLauncher
from steadygan import train
from steadygan.common.errors import Interrupted, UserError
from steadygan.runs import files
from steadygan.sweeps import ledger, planning
from steadygan.sweeps.slurm import follow as slurm_follow
from steadygan.sweeps.slurm import queue as slurm_queue
from steadygan.sweeps.slurm import submit as slurm_submit
from steadygan.sweeps.slurm.queue import QueueEntry, Ticket
from steadygan.sweeps.slurm.submit import Resources, Work
from steadygan.sweeps.slurm.task import Task

HELPERS = Path(__file__).parents[2] / "helpers"


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """A folder of Slurm's commands: ``squeue`` prints the file ``queue``, ``calls`` has what was called."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    answers = {
        "sbatch": f'cp "$1" {folder}/script; echo Submitted batch job 77',
        "squeue": f"cat {folder}/queue 2>/dev/null; true",
        "scontrol": '[ "$1" = show ] && echo "MaxArraySize            = 1001"; true',
        "srun": "true",
    }
    for name, answer in answers.items():
        command(folder, name, answer)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return folder


def command(folder, name, answer):
    path = folder / name
    path.write_text(f'#!/bin/sh\necho {name} "$@" >> {folder}/calls\n{answer}\n')
    path.chmod(0o755)


def calls(slurm, name):
    return [line for line in (slurm / "calls").read_text().splitlines() if line.startswith(f"{name} ")]


def works(jobs):
    return [Work("steadygan.sweeps.executing:execute_later", job, (job,)) for job in jobs]


# --- what is submitted ----------------------------------------------------------------------------------------------


def test_the_script_of_an_array(slurm, plan, tmp_path):
    jobs = [plan(f"seed={seed}") for seed in range(3)]
    resources = Resources(
        partition="long", account="lab", qos="high", timeout_min=90, mem_gb=1.5, cpus_per_task=4, array_parallelism=2,
        signal_delay_s=60, setup=["module load cuda"], additional_parameters={"constraint": "v100"}, exclusive=True,
    )  # fmt: skip
    submitted = slurm_submit.submit(works(jobs), resources, tmp_path / "runs", threads=2)
    ((name, job),) = submitted.items()
    script = (slurm / "script").read_text().splitlines()
    assert (name[:5], job) == ("runs-", "77")
    options = {line.removeprefix("#SBATCH --") for line in script if line.startswith("#SBATCH")}
    assert options >= {
        *("array=0-2%2", "partition=long", "account=lab", "qos=high", "time=90", "mem=1536M", "cpus-per-task=4"),
        *("nodes=1", "ntasks-per-node=1", "signal=USR2@60", "constraint=v100", "exclusive", "requeue"),
        *(f"job-name={name}", f"output={tmp_path}/runs/.slurm/%A_%a_0_log.out"),
    }
    assert not any(option.startswith(("gres", "wckey", "error")) for option in options)
    assert script.index("export OMP_NUM_THREADS=2") < script.index("module load cuda")
    assert "--cpus-per-task=4" in next(line for line in script if line.startswith("srun "))
    for task, run in enumerate(jobs):
        ticket = Ticket.read(run.directory)
        assert (ticket.name, ticket.task, ticket.job) == (name, task, f"77_{task}")
        task = DelayedSubmission.load(tmp_path / "runs/.slurm" / f"77_{task}_submitted.pkl")
        assert task._timeout_countdown == 100
        assert task.function.function == "steadygan.sweeps.executing:execute_later"


@pytest.mark.parametrize(
    ("trainer", "expected"),
    [
        ({"accelerator": "cpu", "devices": 1}, (1, 1, None)),
        ({"accelerator": "gpu", "devices": 1}, (1, 1, "gpu:1")),
        ({"accelerator": "gpu", "devices": 4, "num_nodes": 2}, (2, 4, "gpu:4")),
        ({"accelerator": "cpu", "devices": 2, "num_nodes": 1}, (1, 2, None)),
    ],
)
def test_tasks_nodes_and_gpus_follow_from_the_trainer(trainer, expected):
    found = Resources().of({"trainer": trainer})
    assert (found.nodes, found.tasks_per_node, found.gres) == expected
    given = Resources(nodes=3, tasks_per_node=5, gres="gpu:a100:2").of({"trainer": trainer})
    assert (given.nodes, given.tasks_per_node, given.gres) == (3, 5, "gpu:a100:2")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("timeout_min", 0),
        ("nodes", "all"),
        ("cpus_per_task", 1.5),
        ("array_parallelism", -1),
        ("signal_delay_s", 14400),
    ],
)
def test_numbers_out_of_their_range_name_their_key(key, value):
    with pytest.raises(UserError, match=rf"^hydra\.launcher\.{key}={value}: "):
        Resources(**{key: value})


def test_devices_must_be_a_number():
    with pytest.raises(UserError, match=r"^trainer\.devices=auto"):
        Resources().of({"trainer": {"accelerator": "cpu", "devices": "auto"}})


def test_jobs_that_ask_for_something_else_are_another_array_as_are_those_beyond_the_longest(slurm, plan, tmp_path):
    command(slurm, "scontrol", 'echo "MaxArraySize = 3"')
    jobs = [plan(f"seed={seed}") for seed in range(4)]
    jobs[0].config["trainer"]["accelerator"] = "gpu"
    assert len(slurm_submit.submit(works(jobs), Resources(), tmp_path / "runs", 1)) == 3
    names = [Ticket.read(job.directory).name for job in jobs]
    assert names[1] == names[2] != names[3]
    assert names[0] not in names[1:]


def test_what_slurm_refuses_leaves_nothing_behind(slurm, plan, tmp_path):
    command(slurm, "sbatch", "echo invalid partition specified: nowhere >&2; exit 1")
    jobs = [plan(f"seed={seed}") for seed in range(2)]
    with pytest.raises(UserError, match="invalid partition specified: nowhere"):
        slurm_submit.submit(works(jobs), Resources(), tmp_path / "runs", 1)
    assert not any(job.directory.exists() for job in jobs)


def test_a_population_is_a_task_for_each_group(slurm, plan):
    jobs = [plan("engine=population", f"seed={seed}", loss) for loss in ("loss=hinge", "loss=lsgan") for seed in (0, 1)]
    single = plan("seed=7")
    launcher = SlurmLauncher()
    launcher.resources = Resources(mem_gb=8)
    made = launcher._works([single, *jobs], 1, Console(quiet=True))
    assert [(work.function.partition(":")[2], len(work.jobs)) for work in made] == [
        *[("execute_later", 1), ("execute_group_later", 2), ("execute_group_later", 2)]
    ]
    size = 2.5 * planning.member_size(jobs[0]) / 0.6
    launcher.resources = Resources(mem_gb=size / 1e9)
    single_kind = [plan("engine=population", f"seed={seed}") for seed in range(6)]
    assert [len(work.jobs) for work in launcher._works(single_kind, 1, Console(quiet=True))] == [2, 2, 2]


def test_where_there_is_no_slurm(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError, match=r"no sbatch on this machine.*hydra/launcher=local"):
        slurm_queue.check()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_runs_on_gpus_are_planned_where_there_are_none(compose, tmp_path):
    given = ["trainer=gpu", "logger=none", f"outputs={tmp_path}"]
    with pytest.raises(UserError, match="no GPU"):
        train.plan(compose(*given), given)
    assert train.plan(compose(*given), given, here=False).config["trainer"]["accelerator"] == "gpu"


@pytest.mark.parametrize("engine", ["lightning", "population"])
def test_the_command_line_wins_over_the_launcher_of_the_engine(engine):
    options = [f"engine={engine}", "hydra/launcher=slurm", "--cfg", "hydra", "--package", "hydra.launcher._target_"]
    done = subprocess.run(
        [sys.executable, "-m", "steadygan", "train", *options], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().endswith("hydra_plugins.steadygan.slurm.SlurmLauncher")


# --- what is found again --------------------------------------------------------------------------------------------


def test_runs_are_found_by_the_name_of_their_job_and_their_place_in_it(slurm, plan):
    jobs = [plan(f"seed={seed}") for seed in range(6)]
    tickets = [("a", 0, None), ("a", 1, "5_1"), ("a", 2, "5_2"), ("alone", 0, "9"), ("gone", 0, "4")]
    for job, ticket in zip(jobs, tickets):
        Ticket(*ticket).write(job.directory)
    (slurm / "queue").write_text("5_0|0|PENDING|a\n5_1|1|RUNNING|a\n5_2|2|CANCELLED|a\n9|N/A|COMPLETING|alone\n")
    places = slurm_queue.queue_entries(jobs)
    assert [places.get(job.signature) for job in jobs] == [
        *(
            QueueEntry("5_0", "PENDING"),
            QueueEntry("5_1", "RUNNING"),
            QueueEntry("5_2", "CANCELLED"),
            QueueEntry("9", "COMPLETING"),
        ),
        *(None, None),
    ]
    assert {job.seed for job in jobs if job.signature in slurm_queue.live(jobs)} == {0, 1, 3}
    assert calls(slurm, "squeue")[0].endswith("--name=a,alone,gone")


def test_a_silent_slurm_is_told(slurm, plan):
    command(slurm, "squeue", "echo slurm_load_jobs error: Unable to contact slurm controller >&2; exit 1")
    job = plan()
    Ticket("a", 0).write(job.directory)
    with pytest.raises(UserError, match="Unable to contact slurm controller"):
        slurm_queue.queue_entries([job])


def test_the_ledger_tells_what_is_queued(slurm, plan):
    jobs = [plan(f"seed={seed}") for seed in range(3)]
    for task, job in enumerate(jobs[:2]):
        Ticket("a", task).write(job.directory)
    files.write_text(jobs[1].directory / files.CONFIG, "")
    (slurm / "queue").write_text("5_0|0|PENDING|a\n5_1|1|RUNNING|a\n")
    shown = ledger.Ledger(jobs)
    statuses = {run.path: run.status for run in shown.look().runs}
    assert [statuses[job.directory] for job in jobs] == ["queued", "running", "waiting"]
    assert "1 running, 1 queued, 1 waiting" in shown.look().line()
    assert len(calls(slurm, "squeue")) == 1, "the queue is not asked all the time"


# --- what is told ---------------------------------------------------------------------------------------------------


class Told(list):
    """Sets the stage before each look, and keeps the events."""

    def __init__(self, slurm, job, looks):
        self.slurm, self.job, self.looks = slurm, job, iter(looks)

    def stage(self, *_):
        state, summary = next(self.looks)
        (self.slurm / "queue").write_text(f"7|N/A|{state}|a\n" if state else "")
        if summary:
            files.write_json(self.job.directory / files.SUMMARY, {"iteration": 5, **summary})


@pytest.fixture
def reported(slurm, plan, monkeypatch):
    def call(*looks):
        job = plan("iterations=5")
        Ticket("a", 0, "7").write(job.directory)
        events = Told(slurm, job, looks)
        monkeypatch.setattr(slurm_follow, "time", SimpleNamespace(sleep=events.stage, monotonic=time.monotonic))
        events.stage()
        slurm_follow.follow([job], job.directory.parent, events.append, 1.0)
        return events

    return call


@pytest.mark.parametrize(
    ("state", "summary", "status", "value"),
    [
        ("COMPLETED", "completed", "done", "completed"),
        ("", "diverged", "done", "diverged"),
        ("COMPLETED", "preempted", "done", "preempted"),
        ("CANCELLED", "preempted", "cancelled", None),
        ("CANCELLED", "running", "cancelled", None),
        ("CANCELLED", "completed", "done", "completed"),
        ("OUT_OF_MEMORY", "running", "failed", None),
        ("", "running", "failed", None),
    ],
)
def test_how_a_run_ended(reported, state, summary, status, value):
    events = reported(("PENDING", None), ("RUNNING", {"status": "running"}), (state, {"status": summary}))
    ended = [event.outcome for event in events if event.kind == "ended"]
    assert [(outcome.status, outcome.value) for outcome in ended] == [(status, value)]
    assert [event.kind for event in events].count("started") == 1


def test_a_run_that_could_not_say_why_it_ended(reported, tmp_path):
    files.write_text(tmp_path / "runs/.slurm/7_0_log.out", "Killed by the kernel\n")
    events = reported(("OUT_OF_MEMORY", {"status": "running"}))
    assert events[-1].outcome.died
    assert events[-1].outcome.error == "the Slurm job 7 of this run ended: OUT_OF_MEMORY\nKilled by the kernel"


def test_a_run_that_is_queued_again_goes_on(reported):
    running = {"status": "running"}
    looks = [("RUNNING", running), ("PENDING", running), ("RUNNING", running), ("COMPLETED", {"status": "completed"})]
    events = reported(*looks)
    said = [event.data["text"] for event in events if event.data.get("kind") == "message"]
    assert said == ["stopped by Slurm, in the queue again"]
    assert [event.kind for event in events if event.kind != "report"] == ["started", "ended"]


def test_ctrl_c_leaves_the_jobs_alone(slurm, plan, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    job = plan()
    Ticket("a", 0, "7").write(job.directory)
    (slurm / "queue").write_text("7|N/A|RUNNING|a\n")
    monkeypatch.setattr(slurm_follow, "time", SimpleNamespace(sleep=interrupt, monotonic=time.monotonic))
    with pytest.raises(Interrupted, match="the jobs go on in Slurm"):
        slurm_follow.follow([job], job.directory.parent, lambda event: None, 1.0)
    assert not any("scancel" in line for line in (slurm / "calls").read_text().splitlines())


# --- what a task does when it is told to stop -----------------------------------------------------------------------


@pytest.fixture
def task(slurm, tmp_path):
    """``task(deaf)``: a process as submitit's script starts it."""

    def call(deaf):
        payload = {"folder": str(tmp_path), "deaf": deaf}
        delayed = DelayedSubmission(Task("slurm_tasks:until_told", payload))
        delayed.set_timeout(60, 3)
        delayed.dump(tmp_path / "77_submitted.pkl")
        environment = {
            **os.environ, "PYTHONPATH": str(HELPERS), "SLURM_JOB_ID": "77", "SUBMITIT_EXECUTOR": "slurm",
        }  # fmt: skip
        line = f"exec {slurm_submit._UNKILLED} {sys.executable} -m submitit.core._submit {tmp_path}"
        return subprocess.Popen(line, shell=True, env=environment, start_new_session=True)

    return call


def tell(process, number, mark):
    until = time.monotonic() + 60
    while not mark.exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    os.killpg(process.pid, number)
    return process.wait(60)


@pytest.mark.parametrize(("deaf", "mark"), [(0, "listens"), (1, "called")])
@pytest.mark.parametrize(
    ("number", "state", "requeued"),
    [
        (signal.SIGUSR2, "RUNNING", True),  # a time limit comes, or a preemption
        (signal.SIGTERM, "RUNNING", True),  # a preemption, where Slurm sends nothing else
        (signal.SIGTERM, "COMPLETING", False),  # cancelled, or queued again by somebody
    ],
)
def test_told_to_stop(slurm, task, tmp_path, number, state, requeued, deaf, mark):
    (slurm / "queue").write_text(f"{state}\n")
    process = task(deaf)
    code = tell(process, number, tmp_path / mark)
    assert (code != 0) == requeued
    assert calls(slurm, "scontrol") == ["scontrol requeue 77"] if requeued else not (calls(slurm, "scontrol"))
    assert not list(tmp_path.glob("*_result.pkl")), "without a result the job is not over"
    if number == signal.SIGUSR2 and mark == "listens":
        assert (tmp_path / "beside").read_text() == "None", "what a run starts does not end by USR2"


def deaf(process):
    """Whether the shell has come to its ``trap "" USR2``: before that a signal is the end, of any script."""
    ignored = re.search(r"^SigIgn:\s*(\w+)$", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)
    return bool(int(ignored.group(1), 16) >> (signal.SIGUSR2 - 1) & 1)


def test_told_to_stop_while_python_starts(slurm, task, tmp_path):
    process = task(0)
    until = time.monotonic() + 60
    while not deaf(process):
        assert time.monotonic() < until
        time.sleep(0.001)
    for _ in range(10):
        os.killpg(process.pid, signal.SIGUSR2)
        time.sleep(0.02)
    (slurm / "queue").write_text("RUNNING\n")
    tell(process, signal.SIGUSR2, tmp_path / "listens")
    assert calls(slurm, "scontrol") == ["scontrol requeue 77"]


def test_what_waits_in_a_task_needs_no_torch():
    code = "import sys, steadygan.sweeps.slurm.task as t; assert not {'torch', 'numpy', 'submitit'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_ticket_is_what_a_person_can_read(tmp_path):
    Ticket("runs-1", 3, "77_3", "2030-01-01T00:00:00+00:00").write(tmp_path)
    assert json.loads((tmp_path / "slurm.json").read_text()) == {
        "name": "runs-1", "task": 3, "job": "77_3", "submitted": "2030-01-01T00:00:00+00:00",
    }  # fmt: skip
    (tmp_path / "slurm.json").write_text("{")
    assert Ticket.read(tmp_path) is None
